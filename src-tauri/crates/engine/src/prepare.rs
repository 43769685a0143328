//! What a run needs before its first create: offers, credit and an opened
//! repository with the snapshot found, all asked side by side (rules.md R3).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clouds::{CloudError, Found};
use futures::future::join_all;
use model::{
    AppError, Code, LaunchRequest, Offer, OfferFilter, Recipe, Requirements, SnapshotSelector, Tool,
};
use race::Ranking;
use remote::Fetch;
use repository::{Counts, Repository, Resolved};
use secrecy::SecretString;
use tracing::debug;

use crate::asking::{ask, cloud_error};
use crate::context::{Context, repository_error};
use crate::cost::{WorstCase, worst_case};
use crate::order;
use crate::rank::{Records, RestoreSize, rank};
use crate::restore::{MadePlan, Wanted};
use crate::spend::{afford, purse};

/// Almost all machines are of this kind.
const USUAL_ARCH: &str = "x86_64";
/// For how long machines can fetch the tool that restores.
const TOOL_URL_VALID: Duration = Duration::from_hours(1);

/// What a run needs to know before its first create, and keeps.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) filter: OfferFilter,
    pub(crate) disk_gb: u32,
    pub(crate) restore: Option<RestorePlan>,
    pub(crate) requirements: Requirements,
    pub(crate) size: Option<RestoreSize>,
    pub(crate) case: WorstCase,
    /// Where machines fetch the tool that restores.
    pub(crate) fetch: Option<Fetch>,
    /// Login at the image's registry.
    pub(crate) registry_login: Option<SecretString>,
}

/// What is to be restored.
#[derive(Debug, Clone)]
pub(crate) struct RestorePlan {
    pub(crate) resolved: Resolved,
    pub(crate) made: Arc<MadePlan>,
    pub(crate) target: String,
    /// Only these paths; empty means everything.
    pub(crate) include: Vec<String>,
}

impl RestorePlan {
    /// What it brings, as restic counts it.
    pub(crate) fn counts(&self) -> &Counts {
        &self.made.plan.counts
    }
}

/// Asks for everything.
pub(crate) async fn prepare(
    context: &Arc<Context>,
    request: &LaunchRequest,
) -> Result<(Arc<Prepared>, Ranking), AppError> {
    context.some_cloud()?;
    let recipe = &request.recipe;
    let mut filter = first_filter(recipe);
    order::check(context, recipe)?;
    let (registry_login, restore, mut found, purse, fetch) = tokio::try_join!(
        order::registry_login(context, recipe),
        restore_plan(context, request),
        warm_search(context, &filter),
        purse(context),
        async { Ok(tool_fetch(context, recipe).await) },
    )?;

    let bytes = restore.as_ref().map_or(0, |plan| plan.counts().bytes);
    let disk_gb = recipe.disk_gb_for(bytes);
    fit_disk(&mut found, &filter, disk_gb);
    filter.disk_gb = Some(disk_gb);
    let requirements = Requirements {
        disk_bytes: if restore.is_some() { bytes + context.rules.spare_disk_bytes } else { 0 },
        num_gpus: recipe.filter.num_gpus.unwrap_or(1),
        gpu_ram_mb: recipe.filter.min_gpu_ram_mb.unwrap_or(0),
        cuda_tenths: recipe.filter.min_cuda.map_or(0, |cuda| (cuda * 10.0).round() as u32),
        clock_skew_ms: match recipe.tool {
            // What it reads was signed here.
            Tool::Agent => None,
            Tool::Restic => Some(context.rules.clock_skew_limit_ms),
        },
    };
    let size = restore
        .as_ref()
        .map(|_| RestoreSize { bytes, limit_ms: context.rules.deadlines.restore_ms });
    let prepared = Prepared {
        filter,
        disk_gb,
        restore,
        requirements,
        size,
        case: WorstCase { image_gb: None, restore_bytes: bytes },
        fetch,
        registry_login,
    };
    let ranking = ranking(context, request, &prepared, found)?;
    context.warm.forget();
    afford(context, ranking.at_most, purse)?;
    Ok((Arc::new(prepared), ranking))
}

/// Offers are asked for before the snapshot's size is known, with the disk a
/// small one would want.
pub(crate) fn first_filter(recipe: &Recipe) -> OfferFilter {
    OfferFilter { disk_gb: Some(recipe.disk_gb_for(0)), ..recipe.filter.clone() }
}

/// The disk turned out larger than the one asked for: offers without it go,
/// the others cost more.
pub(crate) fn fit_disk(found: &mut Found, asked: &OfferFilter, disk_gb: u32) {
    let extra_gb = disk_gb.saturating_sub(asked.disk_gb.unwrap_or(0));
    if extra_gb == 0 {
        return;
    }
    found.offers.retain(|offer| offer.disk_gb >= f64::from(disk_gb));
    for offer in &mut found.offers {
        offer.price = offer.price + offer.disk_price(extra_gb);
    }
    if let Some(cap) = asked.max_price {
        found.offers.retain(|offer| offer.price <= cap);
    }
    if found.offers.is_empty() && found.rows > 0 {
        found.emptied_by = found.emptied_by.or(Some("disk_gb"));
    }
}

/// The window's last answer, if it is fresh enough, else a new one.
pub(crate) async fn warm_search(
    context: &Context,
    filter: &OfferFilter,
) -> Result<Found, AppError> {
    if let Some(found) = context.warm.fresh(filter, context.clock.now()) {
        return Ok(found);
    }
    let found = search(context, filter).await?;
    context.warm.keep(filter, context.clock.now(), &found);
    Ok(found)
}

/// A fresh search with what is known already: for a second heat, or when a
/// race runs out of offers.
pub(crate) async fn search_again(
    context: &Context,
    request: &LaunchRequest,
    prepared: &Prepared,
) -> Result<Ranking, AppError> {
    let found = search(context, &prepared.filter).await?;
    ranking(context, request, prepared, found)
}

/// All clouds side by side. One cloud that fails is no reason to stop while
/// another answers.
pub(crate) async fn search(context: &Context, filter: &OfferFilter) -> Result<Found, AppError> {
    let calls: Vec<_> = context
        .clouds
        .iter()
        .filter(|cloud| filter.clouds.is_empty() || filter.clouds.contains(&cloud.id()))
        .map(|cloud| {
            let (cloud, filter) = (Arc::clone(cloud), filter.clone());
            async move { ask(context, || cloud.search(&filter)).await }
        })
        .collect();
    let answers = join_all(calls).await;
    let mut all = Found::default();
    let mut failed: Option<CloudError> = None;
    let mut answered = false;
    for answer in answers {
        match answer {
            Ok(found) => {
                answered = true;
                all.offers.extend(found.offers);
                all.rows += found.rows;
                all.unreadable += found.unreadable;
                all.truncated |= found.truncated;
                all.emptied_by = all.emptied_by.or(found.emptied_by);
            }
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if !answered => Err(cloud_error(&error)),
        Some(_) | None => Ok(all),
    }
}

fn ranking(
    context: &Context,
    request: &LaunchRequest,
    prepared: &Prepared,
    found: Found,
) -> Result<Ranking, AppError> {
    let mut offers = found.offers;
    if !request.only_offers.is_empty() {
        offers.retain(|offer| request.only_offers.contains(&offer.id));
        if offers.is_empty() {
            return Err(AppError::new(Code::NoOffers, "none of the chosen offers is left"));
        }
    }
    if offers.is_empty() {
        return Err(no_offers(found.rows, found.emptied_by));
    }
    let at_most = worst_case(&offers, prepared.case, &context.rules);
    let before = offers.len();
    let offers = rank(
        offers,
        &records(context)?,
        prepared.size,
        &context.weights(),
        context.clock.wall(),
        &mut rand::rng(),
    );
    if offers.is_empty() {
        let details = format!("all {before} offers are on hosts that failed within 24 h");
        return Err(AppError::new(Code::NoOffers, details));
    }
    Ok(Ranking {
        offers,
        found: found.rows,
        truncated: found.truncated,
        at_most,
        requirements: prepared.requirements,
    })
}

fn no_offers(rows: u32, emptied_by: Option<&'static str>) -> AppError {
    match emptied_by {
        Some("max_price") => AppError::new(
            Code::PriceCap,
            format!("all of {rows} offers that fit are above the price cap"),
        ),
        Some(filter) => AppError::new(
            Code::NoOffers,
            format!("the filter \"{filter}\" removed the last of {rows} offers"),
        ),
        None => AppError::new(Code::NoOffers, "the cloud has no offer with these filters"),
    }
}

/// Our records of all hosts of all clouds.
pub(crate) fn records(context: &Context) -> Result<Records, AppError> {
    let mut records = Records::new();
    for cloud in &context.clouds {
        let of_cloud = context.ledger.host_records(cloud.id(), context.rules.host_rest_ms)?;
        records.extend(of_cloud.into_iter().map(|(host, record)| ((cloud.id(), host), record)));
    }
    Ok(records)
}

/// The store refuses signatures when this computer's clock is off (R9).
async fn check_own_clock(context: &Context, repository: &Repository) -> Result<(), AppError> {
    let skew = repository.store_clock_skew(context.clock.wall()).await.map_err(repository_error)?;
    let off_ms = skew.map_or(0, |skew| skew.as_millis().unsigned_abs());
    // A scaled practice clock runs ahead by design.
    if context.practice || off_ms <= u128::from(context.rules.clock_skew_limit_ms) {
        return Ok(());
    }
    let details = format!("this computer's clock is off by {} s", off_ms / 1_000);
    Err(AppError::new(Code::OwnClockOff, details))
}

/// The snapshot found and counted, the store's clock compared; nothing where
/// no snapshot is asked for.
async fn restore_plan(
    context: &Context,
    request: &LaunchRequest,
) -> Result<Option<RestorePlan>, AppError> {
    if request.recipe.snapshot == SnapshotSelector::None {
        return Ok(None);
    }
    let repository = context.repository().await?;
    let (plan, ()) = tokio::try_join!(
        plan_restore(context, &repository, &request.recipe, &[]),
        check_own_clock(context, &repository),
    )?;
    Ok(Some(plan))
}

/// The snapshot found, and the plan of its restore made.
pub(crate) async fn plan_restore(
    context: &Context,
    repository: &Repository,
    recipe: &Recipe,
    include: &[String],
) -> Result<RestorePlan, AppError> {
    let resolved = repository
        .resolve(&recipe.snapshot, &recipe.name, &recipe.paths)
        .await
        .map_err(repository_error)?;
    let wanted = Wanted {
        root: resolved.root,
        include: include.to_vec(),
        critical: recipe.critical.clone(),
    };
    let made = context.plans.of(repository, wanted, context.clock.now()).await?;
    let (target, include) = (recipe.target.clone(), include.to_vec());
    Ok(RestorePlan { resolved, made, target, include })
}

/// Where machines fetch the tool that restores while they boot, if it lies
/// there. Where it does not, it is put there for the next time; nobody waits for
/// that.
async fn tool_fetch(context: &Arc<Context>, recipe: &Recipe) -> Option<Fetch> {
    if recipe.snapshot == SnapshotSelector::None {
        return None;
    }
    let carried = match recipe.tool {
        Tool::Agent => context.agents.usual()?.clone(),
        Tool::Restic => match context.stock.at_hand(USUAL_ARCH).await {
            Some(stock) if stock.is_static() => stock.carried.clone(),
            Some(_) => return None,
            None => {
                let context = Arc::clone(context);
                tokio::spawn(async move {
                    if let Err(why) = context.stock.get(USUAL_ARCH).await {
                        debug!(why, "there is no restic to send");
                    }
                });
                return None;
            }
        },
    };
    let repository = context.repository().await.ok()?;
    let kind = recipe.tool.as_str();
    let name = format!("{kind}-{}", carried.sha256);
    match repository.tool_url(&name, TOOL_URL_VALID).await {
        Ok(Some(url)) => Some(Fetch { name: kind.to_owned(), url, sha256: carried.sha256 }),
        Ok(None) => {
            tokio::spawn(async move {
                if let Err(error) = repository.store_tool(&name, carried.program).await {
                    debug!(%error, "the tool could not be put beside the repository");
                }
            });
            None
        }
        Err(error) => {
            debug!(%error, "the tool could not be looked for beside the repository");
            None
        }
    }
}

/// Prices of all offers, one per host, cheapest first.
pub(crate) fn prices(offers: &[Offer]) -> Vec<model::Rate> {
    let mut hosts = BTreeSet::new();
    let mut prices: Vec<model::Rate> = offers
        .iter()
        .filter(|offer| offer.host.as_ref().is_none_or(|host| hosts.insert((offer.cloud, host))))
        .map(|offer| offer.price)
        .collect();
    prices.sort_unstable();
    prices
}
