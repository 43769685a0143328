//! Puts the engine together with a world: the real clouds and the user's
//! repository, or the practice world.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clouds::{Cloud, SearchOptions, Vast, Wire};
use engine::{
    Agents, Clock, Context, EnvironmentFirst, Handle, Keychain, Ledger, Links, MemoryVault, Plans,
    RELEASES, RankWeights, SOURCE, SecretName, SettingsCell, Stock, Storage, Vault, Warm,
};
use model::{AppError, CloudId, Code, OfferFilter, RaceRules, Rate, Recipe, SnapshotSelector};
use practice::store::Gate;
use practice::workspace::Size;
use practice::{Practice, PracticeError};
use repository::{Credentials, Location};
use secrecy::SecretString;

const VAST: &str = "https://console.vast.ai";
const LEDGER: &str = "ledger.sqlite";
/// A cloud that says nothing for this long will not.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// Which world, and where its data is.
#[derive(Debug, Clone)]
pub struct World {
    /// Folder of all data; absent means the system's usual place.
    pub data_dir: Option<PathBuf>,
    /// The practice world of this seed.
    pub practice: Option<u64>,
    /// How many milliseconds of the world pass in a real one; loopback only.
    pub time_scale: Option<f64>,
    /// The environment may bring secrets (headless runs).
    pub environment: bool,
}

/// A running engine with its world.
#[derive(Debug)]
pub struct Running {
    /// The engine.
    pub engine: Handle,
    /// The practice world, which ends with this.
    _practice: Option<Practice>,
}

/// rustls finds two providers among our libraries and must be told which.
pub fn install_tls() {
    // Only a second call in one process fails, and that one changes nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Starts the engine in this world.
///
/// # Errors
/// Whatever is missing to work at all.
pub async fn start(world: &World) -> Result<Running, AppError> {
    match world.practice {
        Some(seed) => start_practice(world, seed).await,
        None => start_real(world).await,
    }
}

async fn start_practice(world: &World, seed: u64) -> Result<Running, AppError> {
    let folder = data_dir(world)?.join("practice").join(seed.to_string());
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
        vault: Arc::new(MemoryVault::default()),
        ledger: open_ledger(&folder)?,
        clock,
        rules: RaceRules::default(),
        settings: SettingsCell::default(),
        weights: RankWeights::default(),
        recipes: vec![recipe],
        practice: true,
        warm: Warm::default(),
        links: Links::default(),
        agents: practice_agents(),
        stock: Stock::default(),
        plans: Plans::default(),
    };
    Ok(Running { engine: Handle::start(context).await?, _practice: Some(practice) })
}

async fn start_real(world: &World) -> Result<Running, AppError> {
    let vault: Arc<dyn Vault> = if world.environment {
        Arc::new(EnvironmentFirst { then: Keychain })
    } else {
        Arc::new(Keychain)
    };
    let mut clouds: Vec<Arc<dyn Cloud>> = Vec::new();
    if let Some(key) = vault.get(&SecretName::CloudKey(CloudId::Vast)).await? {
        let url = std::env::var("VAST_URL").ok().filter(|url| !url.is_empty());
        clouds.push(vast(url.as_deref().unwrap_or(VAST), key)?);
    }
    if clouds.is_empty() {
        return Err(AppError::new(Code::CloudKeyMissing, "no cloud has a key"));
    }
    let folder = data_dir(world)?;
    std::fs::create_dir_all(&folder).map_err(|error| folder_error(&folder, &error))?;
    let context = Context {
        clouds,
        transport: Arc::new(remote::Tcp),
        storage: storage(vault.as_ref()).await?,
        vault,
        ledger: open_ledger(&folder)?,
        clock: world.time_scale.map_or_else(Clock::real, Clock::scaled),
        rules: RaceRules::default(),
        settings: SettingsCell::default(),
        weights: RankWeights::default(),
        recipes: vec![Recipe::default()],
        practice: false,
        warm: Warm::default(),
        links: Links::default(),
        agents: agents(),
        stock: stock(&folder)?,
        plans: Plans::default(),
    };
    Ok(Running { engine: Handle::start(context).await?, _practice: None })
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

/// The repository, in restic's own terms.
async fn storage(vault: &dyn Vault) -> Result<Option<Storage>, AppError> {
    let Some(location) = std::env::var("RESTIC_REPOSITORY").ok().filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let location: Location = location.parse().map_err(location_error)?;
    let Some(password) = vault.get(&SecretName::RepositoryPassword).await? else {
        let details = "the repository has an address but no password";
        return Err(AppError::new(Code::RepositoryMissing, details));
    };
    let id = vault.get(&SecretName::StorageKeyId).await?;
    let secret = vault.get(&SecretName::StorageKeySecret).await?;
    let token = vault.get(&SecretName::StorageToken).await?;
    let credentials = match (id, secret) {
        (Some(id), Some(secret_access_key)) => {
            use secrecy::ExposeSecret as _;
            Some(Credentials {
                access_key_id: id.expose_secret().to_owned(),
                secret_access_key,
                session_token: token,
                region: std::env::var("AWS_DEFAULT_REGION").ok().filter(|text| !text.is_empty()),
            })
        }
        _ => None,
    };
    let mut storage = Storage::new(location, credentials, password);
    storage.cache = directories::ProjectDirs::from("cloud", "dumont", "Dumont Cloud")
        .map(|dirs| dirs.cache_dir().join("repository"));
    Ok(Some(storage))
}

fn data_dir(world: &World) -> Result<PathBuf, AppError> {
    if let Some(folder) = &world.data_dir {
        return Ok(folder.clone());
    }
    directories::ProjectDirs::from("cloud", "dumont", "Dumont Cloud")
        .map(|dirs| dirs.data_dir().to_owned())
        .ok_or_else(|| AppError::new(Code::LedgerUnusable, "this user has no home folder"))
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
