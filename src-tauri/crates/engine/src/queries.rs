//! Questions that change nothing: offers, snapshots, machines, history, what a
//! launch would mean, and whether everything is in order.

use model::{
    AppError, At, Estimate, InstallId, Label, LaneNo, LaunchRequest, MachineView, OfferFilter,
    OfferOrder, OfferRow, OffersView, Ownership, PruneHint, Rate, RunId, RunSummary, RunView,
    SnapshotGroup, SnapshotSelector, Spread, Step, StepSpan, StoreAccess, Tool,
};

use crate::asking::{ask, cloud_error};
use crate::context::{Storage, repository_error};
use crate::cost::{WorstCase, worst_case};
use crate::handle::{Check, Handle};
use crate::ledger::{Rental, RentalState, quantile};
use crate::prepare::{first_filter, fit_disk, plan_restore, prices, records, search, warm_search};
use crate::rank::{RestoreSize, rank};
use crate::spend::{afford, purse};

/// Fewer boots than this are no ground for a prediction.
const BOOTS_FOR_A_PREDICTION: usize = 3;

impl Handle {
    /// Offers of all clouds.
    ///
    /// # Errors
    /// No cloud is set up, or none answers.
    pub async fn offers(
        &self,
        filter: &OfferFilter,
        order: OfferOrder,
    ) -> Result<OffersView, AppError> {
        let context = self.context();
        context.some_cloud()?;
        let found = search(context, filter).await?;
        let records = records(context)?;
        let ranked = rank(
            found.offers,
            &records,
            None,
            &context.weights(),
            context.clock.wall(),
            &mut rand::rng(),
        );
        let mut rows: Vec<OfferRow> = ranked
            .into_iter()
            .map(|ranked| OfferRow {
                offer: ranked.offer,
                history: ranked.history,
                too_slow: false,
            })
            .collect();
        let down = |row: &OfferRow| row.offer.inet_down_mbps;
        let value = |row: &OfferRow| row.offer.dlperf / row.offer.price.usd_per_hour().max(1e-9);
        match order {
            OfferOrder::Rank => {}
            OfferOrder::Price => rows.sort_by_key(|row| row.offer.price),
            OfferOrder::Download => rows.sort_by(|a, b| down(b).total_cmp(&down(a))),
            OfferOrder::Reliability => {
                rows.sort_by(|a, b| b.offer.reliability.total_cmp(&a.offer.reliability));
            }
            OfferOrder::Value => rows.sort_by(|a, b| value(b).total_cmp(&value(a))),
        }
        Ok(OffersView {
            rows,
            found: found.rows,
            truncated: found.truncated,
            at: context.clock.wall(),
        })
    }

    /// All snapshots, folded by identical contents, newest first.
    ///
    /// # Errors
    /// The repository does not open or cannot be read.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotGroup>, AppError> {
        let repository = self.context().repository().await?;
        Ok(repository.snapshots().await.map_err(repository_error)?.folded())
    }

    /// Whether pruning the repository would make stock restic faster.
    ///
    /// # Errors
    /// The repository does not open or cannot be read.
    pub async fn prune_hint(&self) -> Result<Option<PruneHint>, AppError> {
        let repository = self.context().repository().await?;
        repository.prune_hint().await.map_err(repository_error)
    }

    /// Every machine of every cloud's account, ours told apart.
    ///
    /// # Errors
    /// A cloud's machines cannot be listed: nothing is known then.
    pub async fn machines(&self) -> Result<Vec<MachineView>, AppError> {
        machines(self).await
    }

    /// What pressing *Launch* would mean.
    ///
    /// # Errors
    /// What would refuse the launch.
    pub async fn estimate(&self, request: &LaunchRequest) -> Result<Estimate, AppError> {
        let context = self.context();
        context.some_cloud()?;
        let recipe = &request.recipe;
        recipe.check()?;
        let snapshot = async {
            if recipe.snapshot == SnapshotSelector::None {
                return Ok::<_, AppError>(None);
            }
            let repository = context.repository().await?;
            // The launch finds the plan made.
            let plan = plan_restore(context, &repository, recipe, &[]).await?;
            Ok(Some((plan.resolved.snapshot.view(), plan.counts().clone())))
        };
        // The histogram shows what the price cap cuts away.
        let uncapped = OfferFilter { max_price: None, ..first_filter(recipe) };
        let offers = warm_search(context, &uncapped);
        let (snapshot, mut found, purse) = tokio::try_join!(snapshot, offers, purse(context))?;

        let bytes = snapshot.as_ref().map(|(_, counts)| counts.bytes);
        fit_disk(&mut found, &uncapped, recipe.disk_gb_for(bytes.unwrap_or(0)));
        let prices = prices(&found.offers);
        if let Some(cap) = recipe.filter.max_price {
            found.offers.retain(|offer| offer.price <= cap);
        }
        if !request.only_offers.is_empty() {
            found.offers.retain(|offer| request.only_offers.contains(&offer.id));
        }
        let case = WorstCase { image_gb: None, restore_bytes: bytes.unwrap_or(0) };
        let at_most = worst_case(&found.offers, case, &context.rules);
        let size =
            bytes.map(|bytes| RestoreSize { bytes, limit_ms: context.rules.deadlines.restore_ms });
        let ranked = rank(
            found.offers,
            &records(context)?,
            size,
            &context.weights(),
            context.clock.wall(),
            &mut rand::rng(),
        );
        let mut hosts = std::collections::BTreeSet::new();
        let mut first: Vec<Rate> = ranked
            .iter()
            .filter(|ranked| {
                let offer = &ranked.offer;
                offer.host.as_ref().is_none_or(|host| hosts.insert((offer.cloud, host.clone())))
            })
            .map(|ranked| ranked.offer.price)
            .collect();
        let usable = u32::try_from(first.len()).unwrap_or(u32::MAX);
        first.truncate(usize::from(context.rules.wave_lanes));
        first.sort_unstable();
        let ready = context.ledger.ready_times()?;
        Ok(Estimate {
            usable,
            found: found.rows,
            truncated: found.truncated,
            prices,
            price: first.get(first.len() / 2).copied(),
            at_most,
            credit: purse.credit,
            access: snapshot.as_ref().map(|_| match recipe.tool {
                Tool::Agent => StoreAccess::Ticket,
                Tool::Restic => context.storage.as_ref().map_or(StoreAccess::Own, Storage::access),
            }),
            refused: afford(context, at_most, purse).err(),
            boots_known: u32::try_from(ready.len()).unwrap_or(u32::MAX),
            shell: spread(&ready),
            complete: spread(&self.complete_times()?),
            files: snapshot.as_ref().map(|(_, counts)| counts.files),
            snapshot: snapshot.map(|(view, _)| view),
            bytes,
        })
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunSummary>, AppError> {
        let ledger = &self.context().ledger;
        let mut summaries = Vec::new();
        for row in ledger.runs(limit)? {
            summaries.push(summary(&ledger.view(&row.run)?));
        }
        Ok(summaries)
    }

    /// The run the window should show: one that is going on, or whose winner
    /// the user has not destroyed.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn current_run(&self) -> Result<Option<RunId>, AppError> {
        let ledger = &self.context().ledger;
        let Some(row) = ledger.runs(1)?.pop() else { return Ok(None) };
        let kept =
            ledger.rentals_of(&row.run)?.iter().any(|rental| rental.state == RentalState::Kept);
        Ok((kept || !row.ended).then_some(row.run))
    }

    /// Whether everything is in order, part by part.
    pub async fn doctor(&self) -> Vec<Check> {
        let context = self.context();
        let mut checks = Vec::new();
        let keychain = context.vault.get(&crate::vault::SecretName::Install).await;
        checks.push(Check { name: "keychain", result: keychain.map(|_| "readable".to_owned()) });
        if let Err(error) = context.some_cloud() {
            checks.push(Check { name: "cloud", result: Err(error) });
        }
        for cloud in &context.clouds {
            let account = ask(context, || cloud.account()).await;
            checks.push(Check {
                name: cloud.id().as_str(),
                result: account
                    .map(|account| match account.credit {
                        Some(credit) => format!("key accepted, {credit} on the account"),
                        None => "key accepted".to_owned(),
                    })
                    .map_err(|error| cloud_error(&error)),
            });
        }
        let repository = async {
            let repository = context.repository().await?;
            let list = repository.snapshots().await.map_err(repository_error)?;
            let skew = repository
                .store_clock_skew(context.clock.wall())
                .await
                .map_err(repository_error)?;
            let clock = skew
                .map_or_else(String::new, |skew| format!(", clock off by {} s", skew.as_secs()));
            let hint = repository.prune_hint().await.map_err(repository_error)?;
            let hint = hint.map_or_else(String::new, |hint| {
                format!(
                    ", {} small packs: `restic prune --repack-small` joins them",
                    hint.small_packs
                )
            });
            Ok(format!("opened, {} snapshots{clock}{hint}", list.snapshots.len()))
        };
        checks.push(Check { name: "repository", result: repository.await });
        let left = self.open().await;
        checks.push(Check {
            name: "leftovers",
            result: left.and_then(|left| {
                if left.is_empty() {
                    Ok("none".to_owned())
                } else {
                    Err(AppError::new(model::Code::StillRunning, left.join(", ")))
                }
            }),
        });
        checks
    }

    fn complete_times(&self) -> Result<Vec<u64>, AppError> {
        let mut times: Vec<u64> =
            self.runs(50)?.into_iter().filter_map(|summary| summary.marks.complete_ms).collect();
        times.sort_unstable();
        Ok(times)
    }
}

/// Every machine, the cloud's list laid over the ledger.
pub(crate) async fn machines(handle: &Handle) -> Result<Vec<MachineView>, AppError> {
    let context = handle.context();
    context.some_cloud()?;
    let (wall, mut views) = (context.clock.wall(), Vec::new());
    for cloud in &context.clouds {
        let listed = ask(context, || cloud.list()).await.map_err(|error| cloud_error(&error))?;
        let mut missing: Vec<Rental> = context
            .ledger
            .unsettled()?
            .into_iter()
            .filter(|rental| rental.cloud == cloud.id() && rental.machine.is_some())
            .collect();
        for row in listed {
            let rental = context.ledger.rental(cloud.id(), &row.machine)?;
            missing.retain(|rental| rental.machine.as_ref() != Some(&row.machine));
            let since = rental.as_ref().map(|rental| rental.intended).or(row.started);
            let lived = since.map_or(0, |at| wall.unix_ms() - at.unix_ms());
            let label = row.label.parse::<Label>().ok();
            views.push(MachineView {
                cloud: cloud.id(),
                ownership: ownership(rental.as_ref(), label.as_ref(), &handle.install),
                label: model::clean(&row.label, 256),
                kept: rental.as_ref().is_some_and(|rental| rental.state == RentalState::Kept),
                condemned: rental
                    .as_ref()
                    .is_some_and(|rental| rental.state == RentalState::Condemned),
                run: rental.as_ref().map(|rental| rental.run.clone()),
                lane: rental.as_ref().map(|rental| rental.lane),
                spent: match &rental {
                    Some(rental) => rental.cost(wall),
                    None => row.price.cost(u64::try_from(lived).unwrap_or(0)),
                },
                alone_until: rental.as_ref().and_then(|rental| rental.lease),
                since,
                status: Some(row.status),
                machine: row.machine,
                host: row.host,
                owner: row.owner,
                gpu: row.gpu,
                num_gpus: row.num_gpus,
                location: row.location,
                price: row.price,
                addresses: row.addresses,
            });
        }
        views.extend(missing.into_iter().filter_map(|rental| unlisted(rental, wall)));
    }
    Ok(views)
}

/// In the ledger, and the list does not know it.
fn unlisted(rental: Rental, now: At) -> Option<MachineView> {
    let spent = rental.cost(now);
    Some(MachineView {
        cloud: rental.cloud,
        machine: rental.machine?,
        ownership: Ownership::Ours,
        label: rental.label,
        status: None,
        kept: rental.state == RentalState::Kept,
        condemned: rental.state == RentalState::Condemned,
        run: Some(rental.run),
        lane: Some(rental.lane),
        host: rental.host,
        owner: rental.owner,
        gpu: rental.gpu,
        num_gpus: rental.num_gpus,
        location: rental.location,
        price: rental.price,
        since: Some(rental.intended),
        spent,
        alone_until: rental.lease,
        addresses: model::Addresses::default(),
    })
}

fn ownership(rental: Option<&Rental>, label: Option<&Label>, install: &InstallId) -> Ownership {
    match (rental, label) {
        (Some(_), _) => Ownership::Ours,
        (None, Some(label)) if label.install == *install => Ownership::Ours,
        (None, Some(_)) => Ownership::OtherInstall,
        (None, None) => Ownership::Foreign,
    }
}

fn spread(sorted: &[u64]) -> Option<Spread> {
    if sorted.len() < BOOTS_FOR_A_PREDICTION {
        return None;
    }
    Some(Spread {
        p10_ms: quantile(sorted, 0.1)?,
        median_ms: quantile(sorted, 0.5)?,
        p90_ms: quantile(sorted, 0.9)?,
    })
}

/// A run in one line of history.
fn summary(view: &RunView) -> RunSummary {
    let winner = view.winner.and_then(|lane| view.lane(lane));
    RunSummary {
        run: view.run.clone(),
        recipe: view.recipe.clone(),
        title: view.title.clone(),
        policy: view.policy,
        started: view.started,
        phase: view.phase,
        marks: view.marks,
        steps: winner.map(|lane| spans(view, lane.brief.lane)).unwrap_or_default(),
        cloud: winner.map(|lane| lane.brief.cloud),
        machine: winner.and_then(|lane| lane.machine.clone()),
        host: winner.and_then(|lane| lane.brief.host.clone()),
        gpu: winner.map(|lane| lane.brief.gpu.clone()).unwrap_or_default(),
        location: winner.map(|lane| lane.brief.location.clone()).unwrap_or_default(),
        gone_ms: winner.filter(|lane| lane.destroyed_confirmed).and_then(|lane| lane.destroyed_ms),
        spent: view.spent,
        charged: view.lanes.iter().filter(|lane| lane.machine.is_some()).all(|lane| lane.charged),
        fell_back: view.restore.as_ref().is_some_and(|restore| restore.fallback.is_some()),
        destroyed: u32::try_from(
            view.lanes
                .iter()
                .filter(|lane| lane.destroyed_confirmed && lane.machine.is_some())
                .count(),
        )
        .unwrap_or(u32::MAX),
        failure: view.failure,
    }
}

/// Where the winner's time went.
fn spans(view: &RunView, lane: LaneNo) -> Vec<StepSpan> {
    let Some(lane) = view.lane(lane) else { return Vec::new() };
    let installed = view.restore.as_ref().and_then(|restore| restore.installed_ms);
    let ends = [
        (None, lane.requested_ms),
        (Some(Step::Create), lane.rented_ms),
        (Some(Step::Boot), lane.booted_ms),
        (Some(Step::Connect), lane.connected_ms),
        (Some(Step::Install), installed),
        (Some(Step::Restore), view.marks.complete_ms),
    ];
    let mut from_ms = 0;
    let mut spans = Vec::new();
    for (step, end) in ends {
        let Some(to_ms) = end else { break };
        if to_ms > from_ms {
            spans.push(StepSpan { step, from_ms, to_ms });
        }
        from_ms = to_ms;
    }
    spans
}
