//! What a lane orders from its cloud.

use std::sync::Arc;

use clouds::{Cloud, CreateOrder};
use model::{AppError, At, Code, Offer, RaceRules, Recipe};
use remote::{Deadman, LaneSecret, Onstart};
use secrecy::SecretString;

use crate::context::Context;
use crate::prepare::Prepared;
use crate::vault::SecretName;

/// As long as every public key of ours.
const SOME_KEY: &str = "ssh-ed25519 \
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The order of one lane; `Err` with the room there is where the recipe's own
/// onstart is too long.
pub(crate) fn order(
    context: &Context,
    cloud: &dyn Cloud,
    prepared: &Prepared,
    recipe: &Recipe,
    offer: &Offer,
    lane: (String, LaneSecret, String),
) -> Result<CreateOrder, AppError> {
    let (label, secret, key) = lane;
    let mut onstart = onstart(context, cloud, recipe, secret, key);
    onstart.fetch.clone_from(&prepared.fetch);
    let text = onstart.render_within(cloud.capabilities().onstart_chars);
    Ok(CreateOrder {
        offer: offer.id.clone(),
        image: recipe.image.clone(),
        disk_gb: prepared.disk_gb,
        label,
        onstart: text.ok_or_else(|| too_long(cloud, recipe, &onstart))?,
        env: recipe.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        ports: recipe.ports.clone(),
        template: recipe.template.clone(),
        registry_login: prepared.registry_login.clone(),
    })
}

/// Refuses a recipe whose own onstart does not fit beside ours.
pub(crate) fn check(context: &Arc<Context>, recipe: &Recipe) -> Result<(), AppError> {
    for cloud in &context.clouds {
        let cloud = cloud.as_ref();
        let onstart = onstart(context, cloud, recipe, LaneSecret::fresh(), SOME_KEY.into());
        if onstart.render_within(cloud.capabilities().onstart_chars).is_none() {
            return Err(too_long(cloud, recipe, &onstart));
        }
    }
    Ok(())
}

/// The login that a private image needs.
pub(crate) async fn registry_login(
    context: &Context,
    recipe: &Recipe,
) -> Result<Option<SecretString>, AppError> {
    let Some(name) = &recipe.registry_login else { return Ok(None) };
    let login = context.vault.get(&SecretName::RegistryLogin(name.clone())).await?;
    login.map(Some).ok_or_else(|| {
        let name = model::clean(name, 80);
        AppError::new(Code::Usage, format!("no registry login is kept under the name {name}"))
    })
}

fn onstart(
    context: &Context,
    cloud: &dyn Cloud,
    recipe: &Recipe,
    secret: LaneSecret,
    key: String,
) -> Onstart {
    Onstart {
        deadman: deadman(cloud, context.clock.wall(), &context.rules),
        addition: recipe.onstart.clone(),
        ..Onstart::new(secret, key)
    }
}

/// A racer's dead-man's switch (rules.md T3). The moment counts on the cloud's
/// own clock: this computer's may be off.
fn deadman(cloud: &dyn Cloud, now: At, rules: &RaceRules) -> Option<Deadman> {
    let lease_ms = i64::try_from(rules.racer_lease_ms).unwrap_or(i64::MAX);
    Some(Deadman {
        api: cloud.deadman_api()?,
        not_after: cloud.time().unwrap_or(now).after_ms(lease_ms),
        lease_s: u32::try_from(rules.racer_lease_ms / 1_000).unwrap_or(u32::MAX),
    })
}

fn too_long(cloud: &dyn Cloud, recipe: &Recipe, onstart: &Onstart) -> AppError {
    let room = onstart.room(cloud.capabilities().onstart_chars);
    let (chars, cloud) = (recipe.onstart.chars().count(), cloud.id());
    let details =
        format!("the recipe's onstart has {chars} characters, on {cloud} there is room for {room}");
    AppError::new(Code::Usage, details)
}
