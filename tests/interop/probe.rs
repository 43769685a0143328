//! *Test connection*: what a key may do is told before it is needed, and
//! nothing is changed by asking.

use std::sync::Arc;
use std::time::Duration;

use clouds::{SearchOptions, Vast, Wire};
use engine::{test_cloud, test_storage};
use model::{At, Code, Right, RightCheck};
use practice::cloud::{ApiCall, Fault, HostSpec, Script, When, World, router, serve};
use practice::pace::Pace;
use practice::workspace::Size;
use repository::{OpenOptions, TemporaryUse};
use secrecy::SecretString;

use crate::workspace::{PASSWORD, Shelf};

const KEY: &str = "a-key";
const NOW: At = At::from_unix_ms(1_795_435_200_000);

fn allowed(rights: &[RightCheck]) -> Vec<(Right, Option<bool>)> {
    rights.iter().map(|check| (check.right, check.allowed)).collect()
}

async fn asked(script: Script, key: &str) -> Result<model::ConnectionReport, model::AppError> {
    let world = World::new(script.key(KEY), Pace::real(), NOW);
    let api = serve(router(world.clone())).await.unwrap();
    let wire = Arc::new(Wire::new(Duration::from_secs(5)).unwrap());
    let key = SecretString::from(key);
    let cloud = Vast::new(&api.base_url(), key, wire, SearchOptions::default()).unwrap();
    let report = test_cloud(&cloud).await;
    assert!(world.instances().is_empty(), "nothing is rented by asking");
    report
}

#[tokio::test]
async fn a_clouds_key_tells_what_it_may_do() {
    let script = || Script::of(vec![HostSpec::new(1)]);
    let report = asked(script(), KEY).await.unwrap();
    assert!(report.credit.is_some());
    let all = [
        (Right::SearchOffers, Some(true)),
        (Right::ReadMachines, Some(true)),
        (Right::ChangeMachines, Some(true)),
        (Right::ReadCharges, Some(true)),
    ];
    assert_eq!(allowed(&report.rights), all);

    let wrong = asked(script(), "another-key").await.unwrap_err();
    assert_eq!(wrong.code, Code::CloudKeyRefused);

    // One that may look, and touch nothing.
    let body = r#"{"success":false,"error":"forbidden","msg":"no permission"}"#;
    let forbidden = Fault::Status { status: 403, body: body.into() };
    let narrow = script().fault(ApiCall::Destroy, When::From(1), forbidden);
    let report = asked(narrow, KEY).await.unwrap();
    let change = report.rights.iter().find(|check| check.right == Right::ChangeMachines).unwrap();
    assert!(change.needed && change.allowed == Some(false), "{change:?}");

    // What the cloud did not say is not guessed.
    let stumbling = Fault::Status { status: 502, body: "Bad Gateway".into() };
    let stumbles = script().fault(ApiCall::Destroy, When::From(1), stumbling);
    let report = asked(stumbles, KEY).await.unwrap();
    let change = report.rights.iter().find(|check| check.right == Right::ChangeMachines).unwrap();
    assert_eq!(change.allowed, None);
}

#[tokio::test]
async fn a_stores_key_tells_what_it_may_do() {
    let Some(shelf) = Shelf::of(Size::Small).await else { return };
    let storage = shelf.storage();
    let (location, own) = (&storage.location, storage.credentials.as_ref());
    let password = SecretString::from(PASSWORD);
    let options = OpenOptions::default();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = At::from_unix_ms(i64::try_from(now.as_millis()).unwrap());
    let rights = |write, delete| {
        [
            (Right::ListObjects, Some(true)),
            (Right::ReadObjects, Some(true)),
            (Right::WriteObjects, Some(write)),
            (Right::DeleteObjects, delete),
        ]
    };

    let report = test_storage(location, own, &password, &options, now).await.unwrap();
    assert_eq!(allowed(&report.rights), rights(true, Some(true)));
    assert!(report.snapshots.unwrap() >= 1 && !report.empty);
    assert!(report.clock_off_ms.unwrap().abs() < 5_000);
    let left = std::fs::read_dir(shelf.root()).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("dumont")), "{names:?}");

    // A machine's key, with a session token: it reads, and that is all.
    let hour = Duration::from_hours(1);
    let narrow = location.temporary_credentials(own.unwrap(), TemporaryUse::Restore, hour).unwrap();
    let report = test_storage(location, Some(&narrow), &password, &options, now).await.unwrap();
    assert_eq!(allowed(&report.rights), rights(false, None));

    let wrong = SecretString::from("another password");
    let error = test_storage(location, own, &wrong, &options, now).await.unwrap_err();
    assert_eq!(error.code, Code::RepositoryPasswordWrong);

    let mut stranger = own.unwrap().clone();
    stranger.secret_access_key = SecretString::from("another secret");
    let error = test_storage(location, Some(&stranger), &password, &options, now).await;
    assert_eq!(error.unwrap_err().code, Code::StorageKeyRefused);

    let nothing = format!("{location}-nothing").parse().unwrap();
    let report = test_storage(&nothing, own, &password, &options, now).await.unwrap();
    assert!(report.empty && report.snapshots.is_none(), "a repository can be made there");
}
