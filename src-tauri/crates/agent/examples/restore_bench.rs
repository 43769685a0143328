//! Measures restores side by side: restic, rustic, a raw download and the
//! agent, on the practice store behind its latency and bandwidth gate. Driven
//! by `cargo bench-all restore`, which brings the programs.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::ObjectStoreExt as _;
use practice::store::{Gate, Store, StoreOptions};
use repository::{Credentials, OpenOptions, PlanRequest, Repository};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};

const PASSWORD: &str = "bench";
const BUCKET: &str = "bench";
const LATENCY: Duration = Duration::from_millis(40);

fn main() {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "measure") {
        arguments.remove(0);
        measure_child(&arguments);
        return;
    }
    let options = Options::read(arguments);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(bench(options));
}

struct Options {
    scale: f64,
    rounds: usize,
    work: PathBuf,
    agent: PathBuf,
    restic: PathBuf,
    rustic: Option<PathBuf>,
    s5cmd: Option<PathBuf>,
    svg: Option<PathBuf>,
    only: Option<String>,
    sets: Vec<String>,
    columns: Vec<String>,
    disk: PathBuf,
}

impl Options {
    fn read(arguments: Vec<OsString>) -> Self {
        let mut options = Self {
            scale: 1.0,
            rounds: 3,
            work: "/dev/shm/dumont-bench".into(),
            agent: "dumont-agent".into(),
            restic: "restic".into(),
            rustic: None,
            s5cmd: None,
            svg: None,
            only: None,
            sets: Vec::new(),
            columns: Vec::new(),
            disk: std::env::temp_dir().join("dumont-bench-disk"),
        };
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let value = arguments.next().unwrap();
            let text = value.to_string_lossy().into_owned();
            match name.to_str().unwrap() {
                "--scale" => options.scale = text.parse().unwrap(),
                "--rounds" => options.rounds = text.parse().unwrap(),
                "--work" => options.work = value.into(),
                "--agent" => options.agent = value.into(),
                "--restic" => options.restic = value.into(),
                "--rustic" => options.rustic = Some(value.into()),
                "--s5cmd" => options.s5cmd = Some(value.into()),
                "--svg" => options.svg = Some(value.into()),
                "--only" => options.only = Some(text),
                "--disk" => options.disk = value.into(),
                "--columns" => options.columns = text.split(';').map(str::to_owned).collect(),
                "--sets" => options.sets = text.split(',').map(str::to_owned).collect(),
                unknown => panic!("{unknown} is unknown"),
            }
        }
        options
    }
}

/// Runs a command as the only child of this process and tells what it took.
fn measure_child(command: &[OsString]) {
    let start = Instant::now();
    let mut child = Command::new(&command[0]).args(&command[1..]).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    // Peak memory is gone with the process, so it is looked at until then.
    let mut peak = 0;
    let code = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(now.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        std::thread::sleep(Duration::from_millis(4));
    };
    let wall = start.elapsed().as_secs_f64();
    // CPU of children that were waited for, in hundredths, counted from the
    // state behind the program's name.
    let own = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = own.rsplit_once(") ").unwrap().1.split(' ').collect();
    let cpu = fields[13..15].iter().map(|field| field.parse::<f64>().unwrap() / 100.0).sum::<f64>();
    eprintln!("@measured {code} {wall} {cpu} {peak}");
}

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    wall: f64,
    cpu: f64,
    peak_mb: f64,
    /// Until the first data pack was asked for.
    first: f64,
    /// Until the critical files were there.
    critical: Option<f64>,
}

struct Bench {
    options: Options,
    store: Store,
    /// When the store's own count of time began.
    started: Instant,
}

/// A repository to restore.
struct Set {
    name: &'static str,
    prefix: &'static str,
    source: PathBuf,
    critical: &'static str,
}

async fn bench(options: Options) {
    fs::create_dir_all(&options.work).unwrap();
    let root = options.work.join("store");
    let store = Store::start(StoreOptions::new(&root, BUCKET)).await.unwrap();
    let bench = Bench { options, store, started: Instant::now() };
    let sets = [
        Set {
            name: "R1",
            prefix: "r1",
            source: bench.options.work.join("r1"),
            critical: "critical",
        },
        Set {
            name: "R2",
            prefix: "r2",
            source: bench.options.work.join("r2"),
            critical: "critical",
        },
        Set {
            name: "R4",
            prefix: "r4",
            source: bench.options.work.join("r4"),
            critical: "critical",
        },
    ];
    for set in &sets {
        if bench.is_wanted(set.name) {
            bench.prepare(set);
        }
    }
    let [r1, r2, r4] = &sets;
    let open = Gate { latency: LATENCY, ..Gate::default() };
    let stream = Gate { stream_bytes_per_s: Some(12_000_000), ..open };
    let line = Gate { line_bytes_per_s: Some(60_000_000), ..open };
    let mut columns = Vec::new();
    for (title, set, gate, way) in [
        ("R1", r1, open, Way::Plain),
        ("R2", r2, open, Way::Plain),
        ("R4", r4, open, Way::Plain),
        ("R1, 12 MB/s per stream", r1, stream, Way::Plain),
        ("R2, 60 MB/s line", r2, line, Way::Plain),
        ("R1, TLS 1.3", r1, open, Way::Tls),
        ("R1, overlay on the disk", r1, open, Way::Disk),
    ] {
        if bench.is_wanted(set.name) && bench.is_wanted_column(title) {
            columns.push((title, bench.column(set, gate, way).await));
        }
    }
    print(&columns);
    if let Some(svg) = &bench.options.svg {
        fs::write(svg, chart(&columns)).unwrap();
        println!("\nchart: {}", svg.display());
    }
}

type Column = Vec<(String, Taken)>;

/// What differs from the usual: a store without TLS, a target in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    Tls,
    Disk,
}

impl Bench {
    fn is_wanted(&self, set: &str) -> bool {
        self.options.sets.is_empty() || self.options.sets.iter().any(|one| one == set)
    }

    fn is_wanted_column(&self, title: &str) -> bool {
        self.options.columns.is_empty() || self.options.columns.iter().any(|one| one == title)
    }

    fn repository(&self, set: &Set) -> PathBuf {
        self.options.work.join("store").join(BUCKET).join(set.prefix)
    }

    fn restic(&self, set: &Set, arguments: &[&str]) {
        let status = Command::new(&self.options.restic)
            .args(arguments)
            .current_dir(&set.source)
            .env("RESTIC_REPOSITORY", self.repository(set))
            .env("RESTIC_PASSWORD", PASSWORD)
            .env("RESTIC_CACHE_DIR", self.options.work.join("build-cache"))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "restic {arguments:?}");
    }

    /// Makes the source and the repository, if they are not there yet.
    fn prepare(&self, set: &Set) {
        let marker = self.options.work.join(format!("{}.made", set.prefix));
        let made = format!("{} {} 2", self.options.scale, set.name);
        if fs::read_to_string(&marker).is_ok_and(|text| text == made) {
            return;
        }
        let _ = fs::remove_dir_all(&set.source);
        let _ = fs::remove_dir_all(self.repository(set));
        println!("making {}", set.name);
        let count = |n: u64| ((n as f64 * self.options.scale) as u64).max(1);
        let mut dice = Dice(7);
        if set.name == "R4" {
            fill(&set.source, count(100_000), 100, (200, 9_000), 0.45, &mut dice);
            fill(&set.source.join("critical"), count(1_000), 100, (200, 9_000), 0.45, &mut dice);
        } else {
            fill(&set.source, count(15_700), 60, (2_000, 36_000), 0.75, &mut dice);
            fill(&set.source.join("critical"), count(300), 60, (2_000, 50_000), 0.75, &mut dice);
            fill(
                &set.source.join("models"),
                count(100),
                20,
                (4_000_000, 5_200_000),
                0.38,
                &mut dice,
            );
        }
        self.restic(set, &["init"]);
        self.restic(set, &["backup", "."]);
        if set.name == "R2" {
            for n in 0..200u64 {
                // What a sync of a workspace brings: the outputs of a run.
                let folder = set.source.join(format!("outputs/run_{n}"));
                fs::create_dir_all(&folder).unwrap();
                for k in 0..8 {
                    let bytes = content(&mut dice, 20_000, 0.6);
                    fs::write(folder.join(format!("{k}.log")), bytes).unwrap();
                }
                self.restic(set, &["backup", "."]);
            }
        }
        fs::write(marker, made).unwrap();
    }

    async fn column(&self, set: &Set, gate: Gate, way: Way) -> Column {
        let tls = if way == Way::Tls { Some(self.front().await) } else { None };
        let endpoint = tls.as_ref().map_or(self.store.endpoint(), |front| front.endpoint.clone());
        let overlay =
            if way == Way::Disk { Some(Overlay::mount(&self.options.disk)) } else { None };
        let base = overlay.as_ref().map_or(self.options.work.join("target"), Overlay::target);
        let repository = self.open(set, &endpoint).await;
        let resolved = repository.resolve(&"latest".parse().unwrap(), "none", &[]).await.unwrap();
        let request = PlanRequest {
            root: resolved.root,
            include: Vec::new(),
            critical: vec![set.critical.to_owned()],
        };
        repository.index().await.unwrap();
        let start = Instant::now();
        repository.load_trees(request.root).await.unwrap();
        let loading = start.elapsed().as_secs_f64() * 1000.0;
        let start = Instant::now();
        let plan = repository.plan(&request).await.unwrap();
        println!(
            "{}: plan of {} files in {:.0} ms ({loading:.0} of them reading trees), {} bytes, {} ranges of {} packs, critical {:.1} %",
            set.name,
            plan.counts.files,
            start.elapsed().as_secs_f64() * 1000.0,
            plan.bytes.len(),
            plan.ranges,
            plan.packs().len(),
            plan.counts.critical_bytes as f64 / plan.counts.bytes as f64 * 100.0,
        );
        repository.store_plan(&plan).await.unwrap();
        let snapshot = resolved.snapshot.id.to_string();

        // The practice store hashes an object when it is first asked for it.
        for pack in repository.index().await.unwrap().packs() {
            let path = repository.store().path(&format!("data/{:.2}/{pack}", pack.to_string()));
            repository.store().objects().head(&path).await.unwrap();
        }

        let mut names = vec!["restic 5", "restic 32", "restic 32 tuned"];
        if self.options.rustic.is_some() {
            names.push("rustic");
        }
        names.push("agent");
        if self.options.s5cmd.is_some() {
            names.push("raw download");
        }
        if let Some(only) = &self.options.only {
            names.retain(|name| only.split(',').any(|one| one == *name));
        }
        let mut taken: BTreeMap<&str, Vec<Taken>> = BTreeMap::new();
        self.store.set_gate(gate);
        for round in 0..self.options.rounds {
            for name in &names {
                // On a disk what was just deleted slows down what is made next.
                let target = if way == Way::Disk {
                    rustix::fs::sync();
                    base.with_file_name(format!("{round} {name}"))
                } else {
                    let _ = fs::remove_dir_all(&base);
                    base.clone()
                };
                let cache = self.options.work.join("cache");
                let _ = fs::remove_dir_all(&cache);
                fs::create_dir_all(&target).unwrap();
                let mut command = match *name {
                    "agent" => {
                        let hour = Duration::from_hours(1);
                        let ticket = repository.ticket(&plan, hour).await.unwrap();
                        let mut json = String::from("{\"ticket\":");
                        json.push_str(&ticket.to_json().unwrap());
                        json.push_str("}\n");
                        let mut command = Self::command(&self.options.agent);
                        command.args(
                            std::env::var("AGENT_ARGS").unwrap_or_default().split_whitespace(),
                        );
                        if let Some(front) = &tls {
                            command.arg("--trust").arg(&front.certificate);
                        }
                        command.arg(&target);
                        (command, Some(json))
                    }
                    "raw download" => (self.raw(set, &endpoint, &target), None),
                    "rustic" => (self.rustic(set, &endpoint, &target), None),
                    name => (self.stock(set, &endpoint, name, &snapshot, &target), None),
                };
                let one = self.take(&mut command.0, command.1, name);
                println!("  {} {name}: {one:.3?}", round + 1);
                taken.entry(name).or_default().push(one);
                if *name == "agent" && round == 0 {
                    check(&set.source, &target);
                }
            }
        }
        self.store.set_gate(Gate::default());
        names.iter().map(|name| ((*name).to_owned(), median(&taken[name]))).collect()
    }

    async fn open(&self, set: &Set, endpoint: &str) -> Repository {
        let location = format!("s3:{endpoint}/{BUCKET}/{}", set.prefix);
        let credentials = Credentials {
            access_key_id: self.store.access_key().to_owned(),
            secret_access_key: self.store.secret_key().clone(),
            session_token: None,
            region: None,
        };
        let options = OpenOptions {
            cache_dir: Some(self.options.work.join("desktop-cache")),
            http_connector: Some(Arc::new(self.store.connector())),
        };
        let password = PASSWORD.to_owned().into();
        let location = location.parse().unwrap();
        Repository::open(&location, Some(&credentials), &password, &options).await.unwrap()
    }

    fn command(program: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("measure").arg(program);
        command
    }

    fn with_keys(&self, mut command: Command) -> Command {
        use secrecy::ExposeSecret as _;
        command
            .env("AWS_ACCESS_KEY_ID", self.store.access_key())
            .env("AWS_SECRET_ACCESS_KEY", self.store.secret_key().expose_secret())
            .env("RESTIC_PASSWORD", PASSWORD)
            .env("RUSTIC_PASSWORD", PASSWORD)
            .env("RESTIC_CACHE_DIR", self.options.work.join("cache"));
        command
    }

    fn stock(
        &self,
        set: &Set,
        endpoint: &str,
        name: &str,
        snapshot: &str,
        target: &Path,
    ) -> Command {
        let mut command = Self::command(&self.options.restic);
        let location = format!("s3:{endpoint}/{BUCKET}/{}", set.prefix);
        command.args(["-q", "-r", &location]);
        if endpoint.starts_with("https") {
            command.arg("--cacert").arg(self.certificate());
        }
        let connections = if name == "restic 5" { 5 } else { 32 };
        command.args(["-o", &format!("s3.connections={connections}")]);
        if name.ends_with("tuned") {
            command.args(["-o", "s3.region=us-east-1", "--no-lock", "restore", snapshot]);
        } else {
            command.args(["restore", "latest"]);
        }
        command.arg("--target").arg(target);
        self.with_keys(command)
    }

    fn rustic(&self, set: &Set, endpoint: &str, target: &Path) -> Command {
        use secrecy::ExposeSecret as _;
        let mut command = Self::command(self.options.rustic.as_deref().unwrap());
        command
            .args(["-r", "opendal:s3"])
            .env("RUSTIC_REPO_OPT_ENDPOINT", endpoint)
            .env("RUSTIC_REPO_OPT_BUCKET", BUCKET)
            .env("RUSTIC_REPO_OPT_ROOT", format!("/{}", set.prefix))
            .env("RUSTIC_REPO_OPT_REGION", "us-east-1")
            .env("RUSTIC_REPO_OPT_ACCESS_KEY_ID", self.store.access_key())
            .env("RUSTIC_REPO_OPT_SECRET_ACCESS_KEY", self.store.secret_key().expose_secret())
            .env("RUSTIC_CACHE_DIR", self.options.work.join("cache"))
            .args(["restore", "latest"])
            .arg(target);
        self.with_keys(command)
    }

    fn raw(&self, set: &Set, endpoint: &str, target: &Path) -> Command {
        let mut command = Self::command(self.options.s5cmd.as_deref().unwrap());
        command
            .args(["--endpoint-url", endpoint, "--log", "error"])
            .args(["--numworkers", "64", "cp", "--concurrency", "4"])
            .arg(format!("s3://{BUCKET}/{}/data/*", set.prefix))
            .arg(target)
            .env("AWS_REGION", "us-east-1");
        if endpoint.starts_with("https") {
            command.env("AWS_CA_BUNDLE", self.certificate());
        }
        self.with_keys(command)
    }

    fn certificate(&self) -> PathBuf {
        self.options.work.join("certificate.pem")
    }

    /// TLS in front of the store.
    async fn front(&self) -> Front {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let certificate = self.certificate();
        fs::write(&certificate, made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("https://{}", listener.local_addr().unwrap());
        let behind = self.store.endpoint().trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let Ok(mut store) = TcpStream::connect(behind).await else { return };
                    let _ = store.set_nodelay(true);
                    let _ = tokio::io::copy_bidirectional_with_sizes(
                        &mut stream,
                        &mut store,
                        16 << 10,
                        128 << 10,
                    )
                    .await;
                });
            }
        });
        Front { endpoint, certificate }
    }

    fn take(&self, command: &mut Command, input: Option<String>, name: &str) -> Taken {
        self.store.forget_requests();
        let epoch = self.started.elapsed();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let Some(input) = input {
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let line = told.lines().find_map(|line| line.strip_prefix("@measured "));
        let numbers: Vec<f64> = line
            .unwrap_or_else(|| panic!("{name}: {told}"))
            .split(' ')
            .map(|number| number.parse().unwrap())
            .collect();
        assert!(numbers[0] == 0.0, "{name} failed: {told}");
        let requests = self.store.requests();
        let first = requests
            .iter()
            .filter(|request| request.key.contains("/data/"))
            .map(|request| request.at)
            .min()
            .map_or(0.0, |at| (at.as_secs_f64() - epoch.as_secs_f64()).max(0.0));
        let critical = String::from_utf8_lossy(&output.stdout)
            .lines()
            .find(|line| line.contains("\"event\":\"critical\""))
            .and_then(|line| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                Some(line["elapsed_ms"].as_f64()? / 1000.0)
            });
        Taken { wall: numbers[1], cpu: numbers[2], peak_mb: numbers[3] / 1024.0, first, critical }
    }
}

/// A TLS address of the store.
struct Front {
    endpoint: String,
    certificate: PathBuf,
}

/// An overlay as containers have one, on the disk.
struct Overlay {
    root: PathBuf,
    is_mounted: bool,
}

impl Overlay {
    fn mount(root: &Path) -> Self {
        let _ = fs::remove_dir_all(root);
        for name in ["lower", "upper", "work", "merged"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let layer = |name: &str| root.join(name).display().to_string();
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            layer("lower"),
            layer("upper"),
            layer("work")
        );
        let mounted = Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(root.join("merged"))
            .status();
        let is_mounted = mounted.is_ok_and(|status| status.success());
        if !is_mounted {
            println!("SKIPPED: an overlay, nothing can be mounted here; a plain folder instead");
        }
        Self { root: root.to_owned(), is_mounted }
    }

    fn target(&self) -> PathBuf {
        self.root.join("merged/target")
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = Command::new("umount").arg(self.root.join("merged")).status();
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The middle of each figure.
fn median(all: &[Taken]) -> Taken {
    let middle = |mut numbers: Vec<f64>| {
        numbers.sort_by(f64::total_cmp);
        numbers.get(numbers.len() / 2).copied().unwrap_or_default()
    };
    let of = |get: fn(&Taken) -> f64| middle(all.iter().map(get).collect());
    let critical: Vec<f64> = all.iter().filter_map(|one| one.critical).collect();
    Taken {
        wall: of(|one| one.wall),
        cpu: of(|one| one.cpu),
        peak_mb: of(|one| one.peak_mb),
        first: of(|one| one.first),
        critical: (!critical.is_empty()).then(|| middle(critical)),
    }
}

/// Fails if the restored tree is not the source's.
fn check(source: &Path, target: &Path) {
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(source.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else {
                let same = fs::read(source.join(&path)).unwrap()
                    == fs::read(target.join(&path)).unwrap_or_default();
                assert!(same, "{} differs", path.display());
            }
        }
    }
}

fn print(columns: &[(&str, Column)]) {
    let mut text = String::from("\n| seconds (first data pack asked for) |");
    for (title, _) in columns {
        write!(text, " {title} |").unwrap();
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(columns.len()));
    let names: Vec<&String> =
        columns.first().map_or(Vec::new(), |(_, rows)| rows.iter().map(|(name, _)| name).collect());
    for (row, name) in names.iter().enumerate() {
        write!(text, "\n| {name} |").unwrap();
        for (_, rows) in columns {
            let one = rows[row].1;
            write!(text, " {:.2} ({:.3}) |", one.wall, one.first).unwrap();
        }
    }
    for (title, get) in [
        ("CPU, seconds", (|one: &Taken| one.cpu) as fn(&Taken) -> f64),
        ("peak memory, MB", |one| one.peak_mb),
    ] {
        write!(text, "\n\n| {title} |").unwrap();
        for (title, _) in columns {
            write!(text, " {title} |").unwrap();
        }
        text.push_str("\n|---|");
        text.push_str(&"---|".repeat(columns.len()));
        for (row, name) in names.iter().enumerate() {
            write!(text, "\n| {name} |").unwrap();
            for (_, rows) in columns {
                write!(text, " {:.2} |", get(&rows[row].1)).unwrap();
            }
        }
    }
    println!("{text}\n");
    for (title, rows) in columns {
        let find = |name: &str| rows.iter().find(|(one, _)| one == name).map(|(_, taken)| *taken);
        let Some(agent) = find("agent") else { continue };
        let mut line = format!("{title}:");
        if let Some(restic) = find("restic 32") {
            write!(
                line,
                " {:.2}x faster than restic 32, CPU {:.2}x of it;",
                restic.wall / agent.wall,
                agent.cpu / restic.cpu
            )
            .unwrap();
        }
        if let Some(raw) = find("raw download") {
            write!(line, " {:.2} of a raw download;", agent.wall / raw.wall).unwrap();
        }
        if let Some(critical) = agent.critical {
            write!(
                line,
                " critical after {critical:.3} s, {:.1} % of all;",
                critical / agent.wall * 100.0
            )
            .unwrap();
        }
        println!("{line} peak {:.0} MB", agent.peak_mb);
    }
}

/// Bars, one group a column.
fn chart(columns: &[(&str, Column)]) -> String {
    let colours = ["#94a3b8", "#64748b", "#475569", "#a16207", "#16a34a", "#0ea5e9"];
    let most =
        columns.iter().flat_map(|(_, rows)| rows).map(|(_, one)| one.wall).fold(0.1, f64::max);
    let mut svg = String::new();
    let mut y = 20.0;
    for (title, rows) in columns {
        write!(svg, "<text x='10' y='{}' font-weight='bold'>{title}</text>", y + 4.0).unwrap();
        y += 14.0;
        for ((name, one), colour) in rows.iter().zip(colours) {
            let width = one.wall / most * 560.0;
            write!(
                svg,
                "<text x='10' y='{0}'>{name}</text><rect x='150' y='{1}' width='{width:.1}' \
                 height='14' fill='{colour}'/><text x='{2:.1}' y='{0}'>{3:.2} s</text>",
                y + 11.0,
                y,
                156.0 + width,
                one.wall
            )
            .unwrap();
            y += 18.0;
        }
        y += 16.0;
    }
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='800' height='{y}' font-family='sans-serif' \
         font-size='12'><rect width='800' height='{y}' fill='white'/>{svg}</svg>\n"
    )
}

/// Repeatable noise.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let n = self.0 ^ (self.0 >> 33);
        n.wrapping_mul(0xff51_afd7_ed55_8ccd)
    }
}

/// Bytes of which about such a share compresses away.
fn content(dice: &mut Dice, length: usize, compressible: f64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 64);
    let words =
        ["import ", "return ", "self.", "value = ", "    def ", "for item in ", "None\n", "# "];
    while bytes.len() < length {
        if (dice.roll() % 1000) as f64 / 1000.0 < compressible {
            for _ in 0..12 {
                bytes.extend_from_slice(words[(dice.roll() % 8) as usize].as_bytes());
            }
        } else {
            for _ in 0..10 {
                bytes.extend_from_slice(&dice.roll().to_le_bytes());
            }
        }
    }
    bytes.truncate(length);
    bytes
}

fn fill(
    root: &Path,
    files: u64,
    in_folder: u64,
    (least, most): (u64, u64),
    compressible: f64,
    dice: &mut Dice,
) {
    for n in 0..files {
        let folder =
            root.join(format!("p{}", n / in_folder / 10)).join(format!("q{}", n / in_folder));
        if n % in_folder == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        let length = least + dice.roll() % (most - least);
        let bytes = content(dice, length as usize, compressible);
        fs::write(folder.join(format!("module_{n}.py")), bytes).unwrap();
    }
}
