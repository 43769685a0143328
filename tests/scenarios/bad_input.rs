//! What bad input gets (product.md §6): a code, a next step, a cause, and
//! nothing rented.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{Context, SecretName, Storage, Vault};
use model::{
    AppError, Code, FactBody, LaunchRequest, LostReason, Money, OfferFilter, Rate, Recipe, Remedy,
    SnapshotSelector,
};
use practice::cloud::{ApiCall, Fate, Fault, Script, When};
use practice::store::{Store, StoreOptions};
use repository::Credentials;
use secrecy::SecretString;

use crate::repository::{PASSWORD, add_snapshot, key};
use crate::stage::{Stage, good, host, recipe, restorer};

/// A launch that is refused.
struct Refused {
    code: Code,
    remedy: Remedy,
    /// Words of the particular cause.
    says: &'static [&'static str],
}

impl Refused {
    const fn new(code: Code, remedy: Remedy, says: &'static [&'static str]) -> Self {
        Self { code, remedy, says }
    }

    async fn by(&self, stage: &Stage, recipe: Recipe) {
        let story = stage.launch(recipe).await;
        let Self { code, remedy, says } = self;
        let details = &story.view.details;
        assert_eq!(story.view.failure, Some(*code), "{details}");
        assert_eq!(code.remedy(), *remedy, "{code}");
        assert_eq!(story.exit(), 5, "{code}");
        for word in *says {
            assert!(details.contains(word), "{code}: \"{details}\" does not say \"{word}\"");
        }
        assert!(!details.is_empty(), "{code} names its cause");
        assert_eq!(stage.world.count(ApiCall::Create), 0, "{code}");
        assert!(stage.world.instances().is_empty(), "{code}");
    }
}

fn with_filter(filter: OfferFilter) -> Recipe {
    Recipe { filter, ..recipe() }
}

fn id(prefix: &str) -> Recipe {
    let snapshot = SnapshotSelector::Id { prefix: prefix.into(), folder: None };
    Recipe { snapshot, ..recipe() }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_or_revoked_key() {
    for status in [401, 404] {
        let script = Script { wrong_key_status: status, ..Script::of(good(5)) };
        let stage = Stage::of(script, restorer(1_000)).await;
        stage.world.set_key(Some("another".into()));
        let refused = Refused::new(Code::CloudKeyRefused, Remedy::CheckCloudKey, &[]);
        refused.by(&stage, recipe()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_key_at_all() {
    let none = |context| Context { clouds: Vec::new(), ..context };
    let stage = Stage::with(Script::of(good(5)), restorer(1_000), none).await;
    let request = LaunchRequest { recipe: recipe(), only_offers: Vec::new() };
    let refused = stage.engine.launch(request).await.unwrap_err();
    assert_eq!((refused.code, refused.remedy), (Code::CloudKeyMissing, Remedy::AddCloudKey));
    assert_eq!(refused.code.exit(false, false), 5);
    assert!(stage.world.instances().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_credit() {
    let script = Script::of(good(5)).credit(Money::from_micros(900_000));
    let stage = Stage::of(script, restorer(1_000)).await;
    let refused = Refused::new(Code::CreditTooLow, Remedy::AddCredit, &["the account has"]);
    refused.by(&stage, recipe()).await;
}

#[tokio::test(start_paused = true)]
async fn no_offer_names_the_filter_that_removed_the_last_one() {
    let filter = recipe().filter;
    let cases = [
        (OfferFilter { gpu: Some("RTX 9999".into()), ..filter.clone() }, "gpu"),
        (OfferFilter { min_reliability: Some(0.999_9), ..filter.clone() }, "reliab"),
        (OfferFilter { num_gpus: Some(8), ..filter.clone() }, "gpus"),
        (OfferFilter { min_inet_down_mbps: Some(90_000.0), ..filter.clone() }, "inet_down"),
    ];
    for (filter, named) in cases {
        let stage = Stage::new(good(5)).await;
        let said = stage.launch(with_filter(filter)).await.view;
        assert_eq!(said.failure, Some(Code::NoOffers), "{named}");
        assert!(said.details.contains(named), "{named}: {}", said.details);
        assert_eq!(said.exit_code(), Some(5));
        assert_eq!(stage.world.count(ApiCall::Create), 0);
    }
    assert_eq!(Code::NoOffers.remedy(), Remedy::LoosenFilters);
}

#[tokio::test(start_paused = true)]
async fn a_disk_too_small() {
    let stage = Stage::new(good(5)).await;
    let refused = Refused::new(Code::NoOffers, Remedy::LoosenFilters, &["disk"]);
    refused.by(&stage, Recipe { disk_gb: Some(9_000), ..recipe() }).await;

    // A machine may say one thing and have another: it is lost, and no more.
    let mut hosts = good(6);
    hosts[0] = host(1).boots(1_000, 100).fate(Fate::DiskTooSmall);
    let stage = Stage::new(hosts).await;
    let story = stage.launch(recipe()).await;
    assert_eq!(story.exit(), 0);
    assert_eq!(story.reason(1), Some(LostReason::DiskTooSmall));
    assert!(story.all_losers_are_gone());
}

#[tokio::test(start_paused = true)]
async fn a_price_cap() {
    let stage = Stage::new(good(5)).await;
    let max_price = Some(Rate::from_usd_per_hour(0.01));
    let refused = Refused::new(Code::PriceCap, Remedy::RaiseCap, &[]);
    refused.by(&stage, with_filter(OfferFilter { max_price, ..recipe().filter })).await;
}

/// A stage whose repository was changed before anybody opened it.
async fn spoiled(spoil: impl FnOnce(&Path)) -> Stage {
    let stage = Stage::new(good(5)).await;
    spoil(&stage.folder.path().join("repository"));
    stage
}

/// The one file in a folder.
fn only(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

/// Changes a byte in the middle.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_repository_is_set_up() {
    let none = |context| Context { storage: None, ..context };
    let stage = Stage::with(Script::of(good(5)), restorer(1_000), none).await;
    let refused = Refused::new(Code::RepositoryMissing, Remedy::SetUpRepository, &[]);
    refused.by(&stage, recipe()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_repository() {
    let refused = Refused::new(Code::NotARepository, Remedy::SetUpRepository, &[]);
    let gone = spoiled(|folder| fs::remove_dir_all(folder).unwrap()).await;
    refused.by(&gone, recipe()).await;
    let other = spoiled(|folder| {
        fs::remove_dir_all(folder).unwrap();
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("holiday.jpg"), b"JFIF").unwrap();
    });
    refused.by(&other.await, recipe()).await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password() {
    // Another repository under the same address.
    let stage = spoiled(|folder| {
        let path = only(&folder.join("keys"));
        let mut text = fs::read(&path).unwrap();
        let salt = String::from_utf8_lossy(&text).find("\"salt\":\"").unwrap() + 8;
        text[salt] = if text[salt] == b'A' { b'B' } else { b'A' };
        fs::remove_file(&path).unwrap();
        let name = restic::Id::of(&text).to_string();
        fs::write(folder.join("keys").join(name), text).unwrap();
    });
    let refused = Refused::new(Code::RepositoryPasswordWrong, Remedy::CheckPassword, &[]);
    refused.by(&stage.await, recipe()).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_version() {
    let stage = spoiled(|folder| {
        let newer = br#"{"version":3,"id":{"new":"shape"}}"#;
        fs::write(folder.join("config"), key().seal(&[200; 16], newer)).unwrap();
    });
    let refused = Refused::new(Code::RepositoryTooNew, Remedy::UpdateApp, &["3"]);
    refused.by(&stage.await, recipe()).await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_gone() {
    let refused = Refused::new(Code::SnapshotMissing, Remedy::ChooseSnapshot, &[]);
    refused.by(&Stage::new(good(5)).await, id("ffffffff")).await;
    let none = spoiled(|folder| fs::remove_file(only(&folder.join("snapshots"))).unwrap());
    refused.by(&none.await, recipe()).await;
}

#[tokio::test(start_paused = true)]
async fn several_workspaces_and_no_choice() {
    let several = || {
        spoiled(|folder| {
            add_snapshot(folder, &["/home/a/comfy"], &[]);
            add_snapshot(folder, &["/home/a/muse"], &[]);
        })
    };
    let refused = Refused::new(Code::SnapshotAmbiguous, Remedy::ChooseSnapshot, &["/home/a/muse"]);
    let other = Recipe { name: "other".into(), ..recipe() };
    refused.by(&several().await, other.clone()).await;
    // A choice is enough.
    let chosen = Recipe { paths: vec!["/home/a/muse".into()], ..other };
    assert_eq!(several().await.launch(chosen).await.exit(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_critical_path_that_is_not_there_or_not_one() {
    let critical = |path: &str| Recipe { critical: vec![path.into()], ..recipe() };
    let stage = Stage::new(good(5)).await;
    let refused = Refused::new(Code::CriticalPathMissing, Remedy::FixCriticalPath, &["nothing"]);
    refused.by(&stage, critical("/workspace/nothing")).await;
}

#[tokio::test(start_paused = true)]
async fn a_damaged_index_snapshot_or_tree_is_named() {
    for folder in ["index", "snapshots", "data"] {
        let mut names = Vec::new();
        let stage = spoiled(|repository| {
            let mut open = vec![repository.join(folder)];
            while let Some(path) = open.pop() {
                if path.is_dir() {
                    open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
                } else {
                    damage(&path);
                    names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
                }
            }
        });
        let stage = stage.await;
        let story = stage.launch(recipe()).await;
        let code = if folder == "data" { Code::PackDamaged } else { Code::RepositoryDamaged };
        let details = &story.view.details;
        assert_eq!(story.view.failure, Some(code), "{folder}: {details}");
        assert_eq!(code.remedy(), Remedy::RepairRepository);
        assert!(names.iter().any(|name| details.contains(&name[..8])), "{folder}: {details}");
        assert_eq!(stage.world.count(ApiCall::Create), 0, "{folder}");
        assert_eq!(story.exit(), 5, "{folder}: {details}");
    }
}

/// A keychain in this state.
#[derive(Debug)]
struct Shut(Code);

#[async_trait]
impl Vault for Shut {
    async fn get(&self, _: &SecretName) -> Result<Option<SecretString>, AppError> {
        Err(AppError::new(self.0, "told by the test"))
    }

    async fn set(&self, _: &SecretName, _: SecretString) -> Result<(), AppError> {
        Err(AppError::new(self.0, "told by the test"))
    }

    async fn forget(&self, _: &SecretName) -> Result<(), AppError> {
        Err(AppError::new(self.0, "told by the test"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_keychain_that_is_locked_or_absent() {
    for (code, remedy) in [
        (Code::KeychainLocked, Remedy::UnlockKeychain),
        (Code::KeychainAbsent, Remedy::UseEnvironment),
    ] {
        let shut = |context| Context { vault: Arc::new(Shut(code)), ..context };
        let stage = Stage::with(Script::of(good(5)), restorer(1_000), shut).await;
        let private = Recipe { registry_login: Some("mine".into()), ..recipe() };
        Refused::new(code, remedy, &[]).by(&stage, private).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_down() {
    let refused = Refused::new(Code::CloudUnreachable, Remedy::CheckNetwork, &[]);
    for fault in [Fault::Unsent, Fault::Timeout, Fault::ResetBefore] {
        let script = Script::of(good(5))
            .fault(ApiCall::Search, When::From(1), fault.clone())
            .fault(ApiCall::User, When::From(1), fault);
        refused.by(&Stage::of(script, restorer(1_000)).await, recipe()).await;
    }
}

/// A stage whose repository is behind S3; the store's clock is this far off.
async fn behind_s3(
    change: impl FnOnce(Context) -> Context,
    secret: Option<&str>,
) -> (Stage, Store) {
    let folder = tempfile::tempdir().unwrap().keep();
    crate::repository::write(&folder.join("workspaces/one"));
    let store = Store::start(StoreOptions::new(&folder, "workspaces")).await.unwrap();
    let location = format!("s3:{}/workspaces/one", store.endpoint()).parse().unwrap();
    let secret = secret.map(SecretString::from);
    let owner = Credentials {
        access_key_id: store.access_key().to_owned(),
        secret_access_key: secret.unwrap_or_else(|| store.secret_key().clone()),
        session_token: None,
        region: Some("auto".into()),
    };
    let mut storage = Storage::new(location, Some(owner), SecretString::from(PASSWORD));
    storage.connector = Some(Arc::new(store.connector()));
    let own = |context: Context| change(Context { storage: Some(storage), ..context });
    (Stage::with(Script::of(good(5)), restorer(1_000), own).await, store)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_the_key() {
    let (stage, _store) = behind_s3(|context| context, Some("another secret")).await;
    let refused = Refused::new(Code::StorageKeyRefused, Remedy::CheckStorageKey, &[]);
    refused.by(&stage, recipe()).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer() {
    let stage = Stage::with(Script::of(good(5)), restorer(1_000), |context| {
        let owner = Credentials {
            access_key_id: "id".into(),
            secret_access_key: SecretString::from("secret"),
            session_token: None,
            region: None,
        };
        let location = "s3:http://127.0.0.1:1/workspaces/one".parse().unwrap();
        let storage = Storage::new(location, Some(owner), SecretString::from(PASSWORD));
        Context { storage: Some(storage), ..context }
    });
    let refused = Refused::new(Code::StorageUnreachable, Remedy::CheckNetwork, &[]);
    refused.by(&stage.await, recipe()).await;
}

#[tokio::test(start_paused = true)]
async fn an_own_clock_that_is_off() {
    let refused = Refused::new(Code::OwnClockOff, Remedy::SetClock, &["clock"]);
    // It says noon of one day in November, the store another day.
    let real = |context| Context { practice: false, ..context };
    let (stage, _store) = behind_s3(real, None).await;
    refused.by(&stage, recipe()).await;
    // So far off that the store refuses what was signed.
    let (stage, store) = behind_s3(real, None).await;
    store.set_clock_offset(86_400);
    refused.by(&stage, recipe()).await;
}

#[tokio::test(start_paused = true)]
async fn a_laptop_asleep_in_mid_race() {
    for asleep_s in [60, 600] {
        let mut hosts = good(20);
        for host in &mut hosts {
            host.script.running_ms = 5_000;
        }
        let stage = Stage::new(hosts).await;
        let run = stage.begin(recipe()).await;
        stage.until(&run, |fact| matches!(fact, FactBody::MachineRented { .. })).await;
        tokio::time::advance(Duration::from_secs(asleep_s)).await;
        let story = stage.finish(&run).await;
        assert_eq!(story.exit(), 0, "{asleep_s} s: {}", story.view.details);
        assert!(story.all_losers_are_gone(), "{asleep_s} s");
        assert_eq!(stage.alive().len(), 1, "{asleep_s} s");
        let spent = story.view.spent.micros();
        assert!(spent >= stage.world.spent().micros() / 2, "{asleep_s} s: the gap was not counted");
    }
}
