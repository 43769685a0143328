//! Everything outside the engine that it works with. The real world, the
//! practice world and every test differ in nothing but this.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use clouds::{Cloud, Found};
use model::{
    AppError, CloudId, Code, OfferFilter, RaceRules, Rate, Recipe, Settings, StoreAccess, Tick,
};
use remote::Transport;
use repository::{Credentials, HttpConnector, Location, OpenOptions, Repository, TemporaryUse};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::links::Links;
use crate::rank::RankWeights;
use crate::restore::{Agents, Plans, Stock};
use crate::vault::Vault;

/// For how long a machine's keys of the store are good.
const MACHINE_KEYS_VALID: Duration = Duration::from_hours(1);

/// Everything outside the engine.
#[derive(Debug)]
pub struct Context {
    /// Clouds that are set up.
    pub clouds: Vec<Arc<dyn Cloud>>,
    /// How machines are reached.
    pub transport: Arc<dyn Transport>,
    /// Where the workspaces are kept, if that is set up.
    pub storage: Option<Storage>,
    /// Where secrets are kept.
    pub vault: Arc<dyn Vault>,
    /// What must outlive this process.
    pub ledger: Ledger,
    /// The only clock.
    pub clock: Clock,
    /// The numbers of the race.
    pub rules: RaceRules,
    /// What the user set. The ledger's word counts, if it has one.
    pub settings: SettingsCell,
    /// How offers are ranked.
    pub weights: RankWeights,
    /// Recipes of a world in which the user made none yet, the default first.
    pub recipes: Vec<Recipe>,
    /// Everything runs on the practice cloud.
    pub practice: bool,
    /// This copy of the app stays long enough to finish what others left.
    pub attends: bool,
    /// The last answer to a search; fresh enough for a minute (rules.md R3).
    pub warm: Warm,
    /// Connections to kept winners.
    pub links: Links,
    /// Programs for rented machines.
    pub agents: Agents,
    /// Stock restic for machines that have none.
    pub stock: Stock,
    /// Plans that were made.
    pub plans: Plans,
}

/// The settings, changed while everything runs.
#[derive(Debug, Default)]
pub struct SettingsCell(std::sync::RwLock<Settings>);

impl SettingsCell {
    /// With these settings.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self(std::sync::RwLock::new(settings))
    }

    pub(crate) fn get(&self) -> Settings {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }
}

/// Answers that are good for a while.
#[derive(Debug, Default)]
pub struct Warm {
    /// The last to a search.
    search: std::sync::Mutex<Option<(OfferFilter, Tick, Found)>>,
    /// What an hour of each account's other machines costs.
    foreign: std::sync::Mutex<BTreeMap<CloudId, (Tick, Rate)>>,
}

/// For how long an answer to a search is good enough to launch with.
const WARM_MS: u64 = 60_000;
/// Surveys come oftener.
const FOREIGN_MS: u64 = 900_000;

impl Warm {
    pub(crate) fn keep(&self, filter: &OfferFilter, now: Tick, found: &Found) {
        let mut warm = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        *warm = Some((filter.clone(), now, found.clone()));
    }

    pub(crate) fn fresh(&self, filter: &OfferFilter, now: Tick) -> Option<Found> {
        let warm = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, at, found) = warm.as_ref()?;
        (asked == filter && now.since(*at) <= WARM_MS).then(|| found.clone())
    }

    /// What a launch rents is not for rent any more.
    pub(crate) fn forget(&self) {
        *self.search.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn keep_foreign(&self, cloud: CloudId, now: Tick, per_hour: Rate) {
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.insert(cloud, (now, per_hour));
    }

    pub(crate) fn foreign(&self, cloud: CloudId, now: Tick) -> Option<Rate> {
        let foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.get(&cloud).filter(|(at, _)| now.since(*at) <= FOREIGN_MS).map(|(_, rate)| *rate)
    }
}

impl Context {
    /// The cloud, if it is set up.
    #[must_use]
    pub fn cloud(&self, id: CloudId) -> Option<&Arc<dyn Cloud>> {
        self.clouds.iter().find(|cloud| cloud.id() == id)
    }

    /// # Errors
    /// [`Code::CloudKeyMissing`] when no cloud is set up.
    pub fn some_cloud(&self) -> Result<(), AppError> {
        if self.clouds.is_empty() {
            return Err(AppError::new(Code::CloudKeyMissing, "no cloud has a key"));
        }
        Ok(())
    }

    /// The recipes, in the user's order; never none.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn recipes(&self) -> Result<Vec<Recipe>, AppError> {
        let kept = self.ledger.recipes()?;
        Ok(if kept.is_empty() { self.recipes.clone() } else { kept })
    }

    /// How offers are ranked, with what a second is worth to the user.
    pub(crate) fn weights(&self) -> RankWeights {
        let usd_per_second = self.settings.get().worth.0 as f64 / 1e6;
        RankWeights { usd_per_second, ..self.weights }
    }

    /// The recipe of this name, or the default.
    ///
    /// # Errors
    /// [`Code::RecipeMissing`], with the names there are.
    pub fn recipe(&self, name: Option<&str>) -> Result<Recipe, AppError> {
        let recipes = self.recipes()?;
        let found = match name {
            Some(name) => recipes.iter().find(|recipe| recipe.name == name),
            None => recipes.first(),
        };
        found.cloned().ok_or_else(|| {
            let names: Vec<&str> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
            let name = model::clean(name.unwrap_or_default(), 80);
            let details = format!("no recipe is called \"{name}\"; there is {}", names.join(", "));
            AppError::new(Code::RecipeMissing, details)
        })
    }

    /// The repository, opened once.
    ///
    /// # Errors
    /// It is not set up, or does not open.
    pub async fn repository(&self) -> Result<Repository, AppError> {
        let storage = self
            .storage
            .as_ref()
            .ok_or_else(|| AppError::new(Code::RepositoryMissing, "no repository is set up"))?;
        storage.open().await
    }
}

/// Where the workspaces are kept.
#[derive(Debug)]
pub struct Storage {
    /// Address.
    pub location: Location,
    /// Keys of the object store; a local folder has none.
    pub credentials: Option<Credentials>,
    /// Password of the repository.
    pub password: SecretString,
    /// The store takes temporary credentials that are made here, so a rented
    /// machine never gets our own.
    pub temporary: bool,
    /// Cache folder; safe to delete.
    pub cache: Option<PathBuf>,
    /// Another way to the object store than sockets, for tests.
    pub connector: Option<Arc<dyn HttpConnector>>,
    opened: Mutex<Option<Repository>>,
}

impl Storage {
    /// A repository that is opened when it is first needed.
    #[must_use]
    pub fn new(
        location: Location,
        credentials: Option<Credentials>,
        password: SecretString,
    ) -> Self {
        Self {
            temporary: location.takes_temporary_credentials(),
            location,
            credentials,
            password,
            cache: None,
            connector: None,
            opened: Mutex::new(None),
        }
    }

    /// What a machine is given to read the repository with by stock restic.
    pub(crate) fn access(&self) -> StoreAccess {
        match &self.credentials {
            None => StoreAccess::Own,
            Some(_) if self.temporary => StoreAccess::Temporary,
            Some(_) => StoreAccess::Lasting,
        }
    }

    /// The keys themselves.
    pub(crate) fn machine_keys(&self) -> Result<Option<Credentials>, AppError> {
        let Some(own) = &self.credentials else { return Ok(None) };
        if !self.temporary {
            return Ok(Some(own.clone()));
        }
        let made =
            self.location.temporary_credentials(own, TemporaryUse::Restore, MACHINE_KEYS_VALID);
        made.map(Some).map_err(repository_error)
    }

    async fn open(&self) -> Result<Repository, AppError> {
        // Held while opening, so that two askers do not derive the key twice.
        let mut opened = self.opened.lock().await;
        if let Some(repository) = &*opened {
            return Ok(repository.clone());
        }
        let options =
            OpenOptions { cache_dir: self.cache.clone(), http_connector: self.connector.clone() };
        let repository =
            Repository::open(&self.location, self.credentials.as_ref(), &self.password, &options)
                .await
                .map_err(repository_error)?;
        *opened = Some(repository.clone());
        Ok(repository)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
pub(crate) fn repository_error(error: repository::RepositoryError) -> AppError {
    AppError::new(error.code(), error.to_string())
}
