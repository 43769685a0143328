//! Puts the engine together with a world: the real clouds and the user's
//! repository, or the practice world.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clouds::{Cloud, SearchOptions, Vast, Wire};
use engine::{
    Agents, Clock, Context, EnvironmentFirst, FileVault, Handle, Keychain, Ledger, Links, Plans,
    RELEASES, RankWeights, SOURCE, SecretName, SettingsCell, Stock, Storage, Vault, Warm,
};
use model::{
    AppError, CloudId, Code, OfferFilter, RaceRules, Rate, Recipe, Settings, SnapshotSelector,
    StorageSettings,
};
use practice::store::Gate;
use practice::workspace::Size;
use practice::{Practice, PracticeError};
use repository::{Credentials, Location};
use secrecy::SecretString;

const VAST: &str = "https://console.vast.ai";
const LEDGER: &str = "ledger.sqlite";
/// A cloud that says nothing for this long will not.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// The practice world people meet first.
const FIRST_SEED: u64 = 1;
/// Clouds this build speaks to.
pub(crate) const CLOUDS: &[CloudId] = &[CloudId::Vast];

/// Which world, and where its data is.
#[derive(Debug, Clone)]
pub struct World {
    /// Folder of all data; absent means the system's usual place.
    pub data_dir: Option<PathBuf>,
    /// The practice world of this seed, whatever keys there are.
    pub practice: Option<u64>,
    /// Practice until a cloud key is kept, rather than nothing at all.
    pub practice_without_key: bool,
    /// How many milliseconds of the world pass in a real one; loopback only.
    pub time_scale: Option<f64>,
    /// The environment may bring secrets (headless runs).
    pub environment: bool,
    /// What earlier copies of the app left is finished here.
    pub attends: bool,
    /// Where secrets are kept.
    pub vault: Arc<dyn Vault>,
}

impl World {
    /// The world of this data folder, with the secrets of the OS keychain.
    #[must_use]
    pub fn at(data_dir: Option<PathBuf>) -> Self {
        Self {
            data_dir,
            practice: None,
            practice_without_key: false,
            time_scale: None,
            environment: false,
            attends: true,
            vault: Arc::new(Keychain),
        }
    }

    /// The folder of all data.
    ///
    /// # Errors
    /// This user has none.
    pub fn folder(&self) -> Result<PathBuf, AppError> {
        if let Some(folder) = &self.data_dir {
            return Ok(folder.clone());
        }
        directories::ProjectDirs::from("cloud", "dumont", "Dumont Cloud")
            .map(|dirs| dirs.data_dir().to_owned())
            .ok_or_else(|| AppError::new(Code::LedgerUnusable, "this user has no home folder"))
    }

    /// The vault, with the environment over it where that may speak.
    fn secrets(&self) -> Arc<dyn Vault> {
        let vault = Arc::clone(&self.vault);
        if self.environment { Arc::new(EnvironmentFirst { then: vault }) } else { vault }
    }

    /// What may still run on a real cloud, whatever world is open now.
    #[cfg(feature = "window")]
    pub(crate) fn unsettled(&self, cloud: CloudId) -> Result<Vec<engine::Rental>, AppError> {
        let folder = self.folder()?;
        if !folder.join(LEDGER).exists() {
            return Ok(Vec::new());
        }
        let mut rentals = open_ledger(&folder)?.unsettled()?;
        rentals.retain(|rental| rental.cloud == cloud);
        Ok(rentals)
    }
}

/// A running engine with its world.
#[derive(Debug)]
pub struct Running {
    /// The engine.
    pub engine: Handle,
    /// What of it is impossible now, the worst first.
    pub problems: Vec<AppError>,
    /// The practice world, which ends with this.
    practice: Option<Practice>,
}

impl Running {
    /// Everything runs on the practice cloud.
    #[must_use]
    pub const fn practice(&self) -> bool {
        self.practice.is_some()
    }
}

/// rustls finds two providers among our libraries and must be told which.
pub fn install_tls() {
    // Only a second call in one process fails, and that one changes nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Which of the two worlds it is to be.
#[derive(Debug)]
pub enum Chosen {
    /// The practice cloud.
    Practice {
        /// Its seed.
        seed: u64,
        /// Why it is not the real world, where the user may think it is.
        problem: Option<AppError>,
    },
    /// The real world, with clouds whose keys are kept.
    Real(Vec<Arc<dyn Cloud>>),
}

/// Finds out which world it is: looks for keys, and starts nothing.
///
/// # Errors
/// There is no cloud key, and practice was not asked for.
pub async fn choose(world: &World) -> Result<Chosen, AppError> {
    if let Some(seed) = world.practice {
        return Ok(Chosen::Practice { seed, problem: None });
    }
    match clouds(world).await {
        Ok(clouds) => Ok(Chosen::Real(clouds)),
        Err(error) if world.practice_without_key => Ok(Chosen::Practice {
            seed: FIRST_SEED,
            problem: (error.code != Code::CloudKeyMissing).then_some(error),
        }),
        Err(error) => Err(error),
    }
}

/// Every cloud whose key is kept.
async fn clouds(world: &World) -> Result<Vec<Arc<dyn Cloud>>, AppError> {
    let vault = world.secrets();
    let mut clouds: Vec<Arc<dyn Cloud>> = Vec::new();
    for id in CLOUDS {
        if let Some(key) = vault.get(&SecretName::CloudKey(*id)).await? {
            clouds.push(cloud(*id, key)?);
        }
    }
    if clouds.is_empty() {
        return Err(AppError::new(Code::CloudKeyMissing, "no cloud has a key"));
    }
    Ok(clouds)
}

/// Starts the engine in this world.
///
/// # Errors
/// Whatever is missing to work at all.
pub async fn start(world: &World) -> Result<Running, AppError> {
    open(world, choose(world).await?).await
}

/// Starts the engine in the chosen one.
///
/// # Errors
/// As [`start`].
pub async fn open(world: &World, chosen: Chosen) -> Result<Running, AppError> {
    match chosen {
        Chosen::Practice { seed, problem } => {
            let mut running = start_practice(world, seed).await?;
            running.problems.extend(problem);
            Ok(running)
        }
        Chosen::Real(clouds) => start_real(world, clouds).await,
    }
}

async fn start_practice(world: &World, seed: u64) -> Result<Running, AppError> {
    let folder = world.folder()?.join("practice").join(seed.to_string());
    let scale = world.time_scale.unwrap_or(1.0);
    let clock = Clock::scaled(scale);
    let practice = Practice::start(practice::Options {
        folder: folder.clone(),
        seed,
        scale,
        now: clock.wall(),
        script: None,
        size: Size::Full,
        gate: Gate::default(),
    })
    .await
    .map_err(practice_error)?;
    let key = SecretString::from("practice");
    let cloud = vast(&practice.vast_url(), key)?;
    let location = practice.location().parse().map_err(location_error)?;
    let mut storage = Storage::new(
        location,
        Some(Credentials {
            access_key_id: practice.store.access_key().to_owned(),
            secret_access_key: practice.store.secret_key().clone(),
            session_token: None,
            region: Some("us-east-1".into()),
        }),
        practice.password(),
    );
    storage.temporary = true;
    storage.cache = Some(folder.join("cache"));
    let recipe = Recipe {
        name: Practice::RECIPE.into(),
        title: "Practice workspace".into(),
        snapshot: SnapshotSelector::Latest,
        critical: Practice::critical(),
        filter: OfferFilter {
            gpu: Some("RTX 4090".into()),
            max_price: Some(Rate::from_usd_per_hour(0.6)),
            ..Recipe::default().filter
        },
        ..Recipe::default()
    };
    let context = Context {
        clouds: vec![cloud],
        transport: Arc::new(remote::Tcp),
        storage: Some(storage),
        vault: Arc::new(FileVault::at(folder.join("keys.json"))),
        ledger: open_ledger(&folder)?,
        clock,
        rules: RaceRules::default(),
        settings: SettingsCell::default(),
        weights: RankWeights::default(),
        recipes: vec![recipe],
        practice: true,
        attends: world.attends,
        warm: Warm::default(),
        links: Links::default(),
        agents: practice_agents(),
        stock: Stock::default(),
        plans: Plans::default(),
    };
    let engine = Handle::start(context).await?;
    Ok(Running { engine, problems: Vec::new(), practice: Some(practice) })
}

async fn start_real(world: &World, clouds: Vec<Arc<dyn Cloud>>) -> Result<Running, AppError> {
    let vault = world.secrets();
    let folder = world.folder()?;
    std::fs::create_dir_all(&folder).map_err(|error| folder_error(&folder, &error))?;
    let ledger = open_ledger(&folder)?;
    let kept = ledger.settings()?.unwrap_or_default();
    // Without its repository the window can still watch and destroy machines;
    // a launch from the command line could not go on.
    let (storage, problems) = match storage(world, vault.as_ref(), &kept).await {
        Ok(storage) => (storage, Vec::new()),
        Err(error) if world.practice_without_key => (None, vec![error]),
        Err(error) => return Err(error),
    };
    let context = Context {
        clouds,
        transport: Arc::new(remote::Tcp),
        storage,
        vault,
        ledger,
        clock: world.time_scale.map_or_else(Clock::real, Clock::scaled),
        rules: RaceRules::default(),
        settings: SettingsCell::default(),
        weights: RankWeights::default(),
        recipes: vec![Recipe::default()],
        practice: false,
        attends: world.attends,
        warm: Warm::default(),
        links: Links::default(),
        agents: agents(),
        stock: stock(&folder)?,
        plans: Plans::default(),
    };
    Ok(Running { engine: Handle::start(context).await?, problems, practice: None })
}

/// A cloud and its key.
///
/// # Errors
/// This build does not speak to it, or may not.
pub(crate) fn cloud(id: CloudId, key: SecretString) -> Result<Arc<dyn Cloud>, AppError> {
    match id {
        CloudId::Vast => {
            let url = std::env::var("VAST_URL").ok().filter(|url| !url.is_empty());
            vast(url.as_deref().unwrap_or(VAST), key)
        }
        CloudId::Runpod => Err(AppError::new(Code::Usage, "this build does not speak to RunPod")),
    }
}

/// Programs for rented machines that this build carries.
fn agents() -> Agents {
    Agents::of(include!(concat!(env!("OUT_DIR"), "/agents.rs")))
}

/// Stock restic, for machines whose image has none.
fn stock(folder: &Path) -> Result<Stock, AppError> {
    let http = Arc::new(wire()?);
    Ok(Stock::new(folder.join("tools"), SOURCE.to_owned(), RELEASES.to_vec(), http))
}

/// Machines of the practice cloud bring the agent's work along and run nothing
/// that is sent to them: where none is carried, anything will do.
fn practice_agents() -> Agents {
    let carried = agents();
    if carried.is_empty() { Agents::of([("x86_64", practice::packed_agent())]) } else { carried }
}

fn vast(url: &str, key: SecretString) -> Result<Arc<dyn Cloud>, AppError> {
    let wire = wire()?;
    // Calls one after the other, without pauses: a launch waits for them.
    let search = SearchOptions { spacing: Duration::ZERO, ..SearchOptions::default() };
    let vast = Vast::new(url, key, Arc::new(wire), search)
        .map_err(|error| AppError::new(error.code(), error.details))?;
    Ok(Arc::new(vast))
}

fn wire() -> Result<Wire, AppError> {
    Wire::new(CALL_LIMIT).map_err(|error| AppError::new(Code::Internal, error.to_string()))
}

/// The repository, in restic's own terms: the environment's where that may
/// speak, else the user's.
async fn storage(
    world: &World,
    vault: &dyn Vault,
    kept: &Settings,
) -> Result<Option<Storage>, AppError> {
    let variable =
        |name: &str| std::env::var(name).ok().filter(|text| world.environment && !text.is_empty());
    let settings = match variable("RESTIC_REPOSITORY") {
        Some(location) => StorageSettings { location, region: variable("AWS_DEFAULT_REGION") },
        None => match &kept.storage {
            Some(storage) => storage.clone(),
            None => return Ok(None),
        },
    };
    let Some(password) = vault.get(&SecretName::RepositoryPassword).await? else {
        let details = "the repository has an address but no password";
        return Err(AppError::new(Code::RepositoryMissing, details));
    };
    let credentials = credentials(
        &settings,
        vault.get(&SecretName::StorageKeyId).await?,
        vault.get(&SecretName::StorageKeySecret).await?,
        vault.get(&SecretName::StorageToken).await?,
    );
    let mut storage = Storage::new(location(&settings)?, credentials, password);
    storage.cache = cache_dir();
    Ok(Some(storage))
}

/// Where the repository is.
///
/// # Errors
/// The address makes no sense.
pub(crate) fn location(settings: &StorageSettings) -> Result<Location, AppError> {
    settings.location.parse().map_err(location_error)
}

/// Keys of the object store, if both halves are there.
pub(crate) fn credentials(
    settings: &StorageSettings,
    id: Option<SecretString>,
    secret: Option<SecretString>,
    token: Option<SecretString>,
) -> Option<Credentials> {
    use secrecy::ExposeSecret as _;
    Some(Credentials {
        access_key_id: id?.expose_secret().to_owned(),
        secret_access_key: secret?,
        session_token: token,
        region: settings.region.clone(),
    })
}

/// The repository's cache; safe to delete.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    directories::ProjectDirs::from("cloud", "dumont", "Dumont Cloud")
        .map(|dirs| dirs.cache_dir().join("repository"))
}

fn open_ledger(folder: &Path) -> Result<Ledger, AppError> {
    Ok(Ledger::open(&folder.join(LEDGER))?)
}

fn folder_error(folder: &Path, error: &std::io::Error) -> AppError {
    AppError::new(Code::LedgerUnusable, format!("use {}: {error}", folder.display()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn location_error(error: repository::RepositoryError) -> AppError {
    AppError::new(error.code(), error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn practice_error(error: PracticeError) -> AppError {
    let code = match error {
        PracticeError::InUse => Code::AlreadyRunning,
        PracticeError::NoRestic => Code::ToolMissing,
        PracticeError::Folder(_) => Code::LedgerUnusable,
        PracticeError::Workspace(_) | PracticeError::Store(_) => Code::Internal,
    };
    AppError::new(code, error.to_string())
}
