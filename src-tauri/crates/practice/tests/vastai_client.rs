//! The official client against the practice cloud over loopback: the witness
//! that the double speaks the real protocol, and not only our idea of it.
//!
//! The environment variable `DUMONT_VASTAI` names the `vastai` executable of a
//! virtual environment of its own; without it the test says SKIPPED.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;
use std::process::Output;

use model::At;
use practice::cloud::{Ask, HostSpec, Script, Served, World, router, serve};
use practice::pace::Pace;
use serde_json::Value;
use tokio::process::Command;

struct Client {
    program: PathBuf,
    home: tempfile::TempDir,
    served: Served,
}

impl Client {
    async fn run(&self, args: &[&str]) -> Output {
        let home = self.home.path();
        Command::new(&self.program)
            .args(args)
            .env_clear()
            // Windows finds its own libraries by these.
            .envs(
                ["PATH", "SYSTEMROOT"]
                    .iter()
                    .filter_map(|name| std::env::var_os(name).map(|value| (*name, value))),
            )
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("VASTAI_NO_UPDATE_CHECK", "1")
            .env("PYTHONUTF8", "1")
            // Or its tables abbreviate numbers.
            .env("COLUMNS", "240")
            .env("VAST_URL", self.served.base_url())
            .env("VAST_API_KEY", "practice-key")
            .stdin(std::process::Stdio::null())
            .output()
            .await
            .unwrap()
    }

    /// Runs it, sees that it complains about nothing, gives what it printed.
    /// Its exit code is worth nothing: it is 0 on every HTTP error.
    async fn good(&self, args: &[&str]) -> String {
        let output = self.run(args).await;
        let stdout = String::from_utf8(output.stdout).unwrap();
        // It clears its progress line even where there is no terminal.
        let stderr = String::from_utf8(output.stderr).unwrap().replace("\r\x1b[K", "");
        assert!(output.status.success(), "{args:?}: {stdout}{stderr}");
        assert_eq!(stderr.trim(), "", "{args:?}: {stdout}");
        stdout
    }

    async fn json(&self, args: &[&str]) -> Value {
        let mut args = args.to_vec();
        args.push("--raw");
        let text = self.good(&args).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    }
}

fn world() -> World {
    let both = vec![Ask { id: 11, gpus: vec![0, 1] }, Ask { id: 12, gpus: vec![0] }];
    let script = Script::of(vec![
        HostSpec::new(1).asks(2, both),
        HostSpec::new(2).price(0.3),
        HostSpec::new(3).price(0.5).place("Dallas, US"),
        HostSpec::new(4).gpu("RTX 3090").price(0.2),
    ]);
    World::new(script.key("practice-key"), Pace::new(20.0), At::from_unix_ms(1_795_435_200_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_finds_everything_in_order() {
    let Some(program) = std::env::var_os("DUMONT_VASTAI").map(PathBuf::from) else {
        println!("SKIPPED: DUMONT_VASTAI names no vastai executable");
        return;
    };
    let world = world();
    let served = serve(router(world.clone())).await.unwrap();
    let client = Client { program, home: tempfile::tempdir().unwrap(), served };

    // Searching, in both forms the client knows.
    let query = "gpu_name=RTX_4090 num_gpus=1 inet_down>500 reliability>0.9 geolocation in [US,NO]";
    for form in [&["search", "offers", query][..], &["search", "offers", "--new", query]] {
        let mut args = form.to_vec();
        args.extend(["--order", "dph_total", "--storage", "36"]);
        let rows = client.json(&args).await;
        let ids: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(ids, [20, 12, 30], "{form:?}");
    }
    let table = client.good(&["search", "offers", "gpu_name=RTX_3090"]).await;
    assert!(table.contains("RTX_3090") && table.contains("40"), "{table}");

    // Renting.
    let created = client
        .json(&[
            "create",
            "instance",
            "20",
            "--image",
            "ubuntu:22.04",
            "--disk",
            "36",
            "--ssh",
            "--direct",
            "--cancel-unavail",
            "--label",
            "race-1",
            "--env",
            "-p 8888:8888 -e FOO=bar",
            "--onstart-cmd",
            "touch /ready",
        ])
        .await;
    assert_eq!(created["success"], true);
    let first = created["new_contract"].as_u64().unwrap();
    let text = client
        .good(&["create", "instance", "30", "--image", "ubuntu:22.04", "--ssh", "--direct"])
        .await;
    assert!(text.starts_with("Started. "), "{text}");
    let alive = world.alive();
    assert_eq!(alive.len(), 2);
    assert_eq!((alive[0].id, alive[0].runtype.as_str()), (first, "ssh_direc ssh_proxy"));
    assert_eq!(
        (alive[0].label.as_deref(), alive[0].onstart.as_str()),
        (Some("race-1"), "touch /ready")
    );
    assert_eq!((alive[0].env["FOO"].as_str(), alive[0].env["-p 8888:8888"].as_str()), ("bar", "1"));
    let second = alive[1].id.to_string();
    let id = first.to_string();

    // Looking at it, before and after it has addresses.
    world.set_addresses(
        first,
        Some(("127.0.0.1".into(), 40_022)),
        Some(("127.0.0.1".into(), 10_022)),
    );
    let table = client.good(&["show", "instances"]).await;
    assert!(table.contains("race-1") && table.contains(&id), "{table}");
    world.wait_until(alive[1].running_at().unwrap()).await;
    let rows = client.json(&["show", "instances"]).await;
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(rows[0]["actual_status"], "running");
    assert_eq!(rows[0]["extra_env"]["FOO"], "bar");
    assert_eq!(client.good(&["show", "instances", "-q"]).await, format!("{id}\n{second}\n"));
    assert_eq!(client.json(&["show", "instance", &id]).await["label"], "race-1");
    assert!(client.good(&["show", "instance", &id]).await.contains("127.0.0.1"));
    assert_eq!(client.good(&["ssh-url", &id]).await.trim(), "ssh://root@127.0.0.1:40022");
    assert!(client.good(&["logs", &id]).await.contains("status: running"));

    // Keys.
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEhLxUqnFPjSa1uVhgg2Bm4u1vU4Xh0wFqQ6pT6dX0Oq me";
    client.good(&["attach", "ssh", &id, key]).await;
    assert_eq!(world.instance(first).unwrap().keys[0].text, key);
    client.good(&["create", "ssh-key", key, "-y"]).await;
    assert!(client.good(&["show", "ssh-keys"]).await.contains("ssh-ed25519"));

    // Labels, power.
    client.good(&["label", "instance", &id, "winner"]).await;
    assert_eq!(world.instance(first).unwrap().label.as_deref(), Some("winner"));
    client.good(&["stop", "instance", &id]).await;
    assert!(!world.instance(first).unwrap().is_up(world.now()));
    client.good(&["start", "instance", &id]).await;
    world.wait_until(world.instance(first).unwrap().running_at().unwrap()).await;
    assert!(world.instance(first).unwrap().is_up(world.now()));
    client.good(&["reboot", "instance", &id]).await;

    // The account.
    let user = client.json(&["show", "user"]).await;
    assert_eq!(user["username"], "practice");
    assert!(client.good(&["show", "user"]).await.contains("practice@localhost"));
    assert!(client.good(&["reports", "2"]).await.contains("[]"));

    // Destroying, one and many.
    client.good(&["destroy", "instance", &id, "-y"]).await;
    assert_eq!(world.alive().len(), 1);
    client.json(&["create", "instance", "40", "--image", "ubuntu:22.04", "--ssh"]).await;
    let third = world.alive()[1].id.to_string();
    client.good(&["destroy", "instances", &second, &third, "-y"]).await;
    assert!(world.alive().is_empty());
    world.pace().sleep(300).await;
    assert_eq!(client.json(&["show", "instances"]).await, serde_json::json!([]));

    // What goes wrong goes wrong as the real one does: on stderr, with exit 0.
    let lost = client.run(&["create", "instance", "20", "--image", "x", "--ssh"]).await;
    let stderr = String::from_utf8(lost.stderr).unwrap();
    assert!(stderr.contains("no_such_ask"), "{stderr}");
    assert!(world.alive().is_empty());
}
