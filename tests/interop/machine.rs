//! A real machine: OpenSSH's server in mount and process namespaces of its
//! own, over a private copy of this computer's root folder. Nothing of it
//! outlives the test, also when the test is killed.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use model::{Addresses, Endpoint, Route};
use remote::{
    Connection, Dial, Expect, Identity, LaneSecret, Onstart, Reached, RemoteError, Retry, Tcp,
    reach,
};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::time::timeout;

const LAUNCHER: &str = include_str!("machine.sh");
const SSHD: &str = "/usr/sbin/sshd";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where BusyBox's own tools stand on a machine that has no others.
const BUSYBOX_PATH: &str = "/opt/busybox:/usr/local/bin";

/// Longer than anything here takes on a computer busy with other things.
pub const LONG: Duration = Duration::from_mins(1);

/// What a graphics driver's tool prints.
const NVIDIA_SMI: &str = r"#!/bin/sh
case $1 in
  --query-gpu=*) echo 'NVIDIA GeForce RTX 4090, 24564, 570.86.15' ;;
  *) echo '| NVIDIA-SMI 570.86.15    Driver Version: 570.86.15    CUDA Version: 12.8     |' ;;
esac
";

/// Writes down every byte that goes through.
const LEAD_ON: &str = r#"#!/usr/bin/dash
printf '%s\n' "$SSH_ORIGINAL_COMMAND" >/mitm/heard.$$
tee -a /mitm/heard.$$ | /usr/bin/dash -c "$SSH_ORIGINAL_COMMAND"
"#;

/// Who reads our scripts: `sh` on the machine, and root's login shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    Bash,
    Dash,
    /// With BusyBox's tools and no others, as in small images.
    Busybox,
}

impl Shell {
    pub const ALL: [Self; 3] = [Self::Bash, Self::Dash, Self::Busybox];

    /// For `sh` to be made a link to.
    const fn program(self) -> &'static str {
        match self {
            Self::Bash => "/usr/bin/bash",
            Self::Dash => "/usr/bin/dash",
            Self::Busybox => "/usr/bin/busybox",
        }
    }

    const fn login(self) -> &'static str {
        match self {
            Self::Bash => "/usr/bin/bash",
            Self::Dash => "/usr/bin/dash",
            Self::Busybox => "/opt/busybox/ash",
        }
    }
}

/// What a machine is like.
#[derive(Debug, Clone)]
pub struct Spec {
    pub shell: Shell,
    /// As `ssh-keygen` calls them.
    pub host_keys: &'static [&'static str],
    /// Made by the SSH server's start, long after onstart.
    pub late_host_keys: bool,
    /// Further lines of `sshd_config`.
    pub sshd: &'static str,
    /// Further variables of every command over SSH.
    pub environment: &'static str,
    /// Programs this machine does not have.
    pub without: &'static [&'static str],
    /// Its restic; none of its own if absent.
    pub restic: Option<PathBuf>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            shell: Shell::Dash,
            host_keys: &["ed25519"],
            late_host_keys: false,
            sshd: "",
            environment: "",
            without: &[],
            restic: None,
        }
    }
}

impl Spec {
    pub fn of(shell: Shell) -> Self {
        Self { shell, ..Self::default() }
    }
}

/// A machine. Its SSH server answers once it is told to start.
#[derive(Debug)]
pub struct Machine {
    pub secret: LaneSecret,
    pub identity: Identity,
    pub port: u16,
    spec: Spec,
    launcher: Child,
    /// Its first process, as this computer counts.
    pid: u32,
    folder: TempDir,
    servers: Mutex<Vec<Child>>,
    /// Keep the ports ours: nobody is given them, and a server may listen.
    reserved: Mutex<Vec<TcpSocket>>,
}

impl Machine {
    /// `None`, with the reason printed, where machines cannot be made. Call
    /// it in the test's own thread: the machine dies with that thread.
    pub fn start(spec: &Spec) -> Option<Self> {
        if let Err(why) = possible() {
            println!("SKIPPED: no machine can be made here: {why}");
            return None;
        }
        let (reserved, port) = reserve();

        let folder = tempfile::tempdir().unwrap();
        let mut launcher = launch(&folder.path().join("lab"), LAUNCHER).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(launcher.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let pid = ready.trim().strip_prefix("ready ").expect("the machine starts").parse().unwrap();
        let machine = Self {
            secret: LaneSecret::fresh(),
            identity: Identity::fresh().unwrap(),
            port,
            spec: spec.clone(),
            launcher,
            pid,
            folder,
            servers: Mutex::default(),
            reserved: Mutex::new(vec![reserved]),
        };
        machine.furnish();
        Some(machine)
    }

    /// The same, with onstart run and the SSH server started.
    pub fn running(spec: &Spec) -> Option<Self> {
        let machine = Self::start(spec)?;
        machine.run_onstart();
        machine.start_sshd();
        Some(machine)
    }

    fn furnish(&self) {
        use std::fmt::Write as _;
        let Spec { shell, without, restic, .. } = &self.spec;
        let mut script = format!(
            "set -e
            ln -sf {program} /usr/bin/sh
            sed -i 's#^\\(root:.*:\\)[^:]*$#\\1{login}#' /etc/passwd
            ",
            program = shell.program(),
            login = shell.login(),
        );
        if *shell == Shell::Busybox {
            script += "mkdir /opt/busybox; /usr/bin/busybox --install -s /opt/busybox\n";
        }
        let mut missing = without.to_vec();
        missing.push("restic");
        for program in missing {
            let _ = writeln!(script, "rm -f /usr/bin/{program} /usr/local/bin/{program}");
            let _ = writeln!(script, "rm -f /opt/busybox/{program}");
        }
        self.run(&script);
        if let Some(restic) = restic {
            fs::copy(restic, self.path("/usr/local/bin/restic")).unwrap();
        }
        if !without.contains(&"nvidia-smi") {
            self.write("/usr/local/bin/nvidia-smi", NVIDIA_SMI, 0o755);
        }
        let keys: String = self.spec.host_keys.iter().fold(String::new(), |mut keys, kind| {
            let _ = writeln!(keys, "HostKey /etc/ssh/ssh_host_{kind}_key");
            keys
        });
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\n{keys}UsePAM no\nPidFile none\n\
             PasswordAuthentication no\nLogLevel VERBOSE\nSetEnv PATH={path} {environment}\n{more}\n",
            port = self.port,
            path = self.search_path(),
            environment = self.spec.environment,
            more = self.spec.sshd,
        );
        self.write("/etc/ssh/sshd_config", &config, 0o600);
        if !self.spec.late_host_keys {
            self.make_host_keys();
        }
    }

    fn search_path(&self) -> &'static str {
        if self.spec.shell == Shell::Busybox { BUSYBOX_PATH } else { PATH }
    }

    fn make_host_keys(&self) {
        for kind in self.spec.host_keys {
            let bits = if *kind == "rsa" { "-b 2048" } else { "" };
            self.run(&format!(
                "[ -e /etc/ssh/ssh_host_{kind}_key ] || \
                 ssh-keygen -q -t {kind} {bits} -N '' -C machine -f /etc/ssh/ssh_host_{kind}_key"
            ));
        }
    }

    /// Carries out our onstart, as a container does when it starts.
    pub fn run_onstart(&self) {
        self.run_onstart_of(&self.secret, &self.identity.public());
    }

    /// The same with another secret or key.
    pub fn run_onstart_of(&self, secret: &LaneSecret, key: &str) {
        let onstart = Onstart::new(secret.clone(), key.into());
        self.run_onstart_text(onstart.render().expose_secret());
    }

    /// The same with a whole script.
    pub fn run_onstart_text(&self, text: &str) {
        self.run_onstart_in(text, &[]);
    }

    /// The same with variables of the container.
    pub fn run_onstart_in(&self, text: &str, variables: &[(&str, &str)]) {
        self.write("/onstart.sh", text, 0o700);
        let path = format!("PATH={}", self.search_path());
        let mut command = self.command(&["/usr/bin/env", &path, "/onstart.sh"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "onstart: {output:?}");
    }

    /// Starts the SSH server. It answers some milliseconds later.
    pub fn start_sshd(&self) {
        self.make_host_keys();
        self.start_server("/etc/ssh/sshd_config");
    }

    /// Somebody in the middle: an SSH server with a host key of its own that
    /// takes every key the machine takes, hears all that is said, and leads it
    /// on to the machine and the answers back. Returns its port.
    pub fn start_middleman(&self) -> u16 {
        let (reserved, port) = reserve();
        self.reserved.lock().unwrap().push(reserved);
        self.run("mkdir /mitm && ssh-keygen -q -t ed25519 -N '' -C middle -f /mitm/key");
        self.write("/mitm/lead-on", LEAD_ON, 0o755);
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey /mitm/key\nUsePAM no\nPidFile none\n\
             PasswordAuthentication no\nSetEnv PATH={path}\nForceCommand /mitm/lead-on\n",
            path = self.search_path(),
        );
        self.write("/mitm/sshd_config", &config, 0o600);
        self.start_server("/mitm/sshd_config");
        port
    }

    /// All that the one in the middle has heard, by command.
    pub fn overheard(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("/mitm")).unwrap().map(|file| file.unwrap().path());
        let heard = files.filter(|path| path.to_string_lossy().contains("heard."));
        heard.map(|path| String::from_utf8(fs::read(path).unwrap()).unwrap()).collect()
    }

    fn start_server(&self, config: &str) {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = self.command(&[SSHD, "-D", "-e", "-f", config]);
        let server = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.servers.lock().unwrap().push(server);
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("sshd.log")
    }

    /// What the SSH server has said.
    pub fn sshd_log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// A path on the machine, as this computer reaches it.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.pid))
    }

    /// Everything that was written on the machine outside memory file systems.
    pub fn changes(&self) -> PathBuf {
        self.path("/../upper")
    }

    pub fn write(&self, inside: &str, content: impl AsRef<[u8]>, mode: u32) {
        let path = self.path(inside);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn read(&self, inside: &str) -> Vec<u8> {
        fs::read(self.path(inside)).unwrap_or_else(|error| panic!("{inside}: {error}"))
    }

    /// Runs a script on the machine, not over SSH, and returns what it printed.
    pub fn run(&self, script: &str) -> String {
        let output = self.command(&["/bin/dash", "-c", script]).output().unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A program that is to run on the machine.
    fn command(&self, program: &[&str]) -> Command {
        // Nothing of this may ever happen to the computer itself.
        assert!(self.path("/.machine").exists() && !Path::new("/.machine").exists());
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--pid", "--root", "--wd", "--target", &self.pid.to_string()]);
        command.arg("--").args(program).env_clear();
        command.env("PATH", PATH).env("HOME", "/root").stdin(Stdio::null());
        command
    }

    /// Straight to it.
    pub fn direct(&self) -> Endpoint {
        local(self.port)
    }

    /// How our side reaches this machine, believing only its proof.
    pub fn dial(&self) -> Dial {
        dial(&self.identity, Expect::Proof(self.secret.clone()))
    }

    /// A connection to it, whatever it takes.
    pub async fn connect(&self) -> Connection {
        let addresses = Addresses { direct: Some(self.direct()), proxy: None };
        reached(&self.dial(), addresses).await.unwrap().connection
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the machine's SSH server said:\n{}", self.sshd_log());
        }
        // The first process ends with its input, and all others with it; but
        // not before whoever waits for one of them, and may stand still.
        drop(self.launcher.stdin.take());
        for server in self.servers.lock().unwrap().iter_mut() {
            let _ = server.kill();
            let _ = server.wait();
        }
        let _ = self.launcher.wait();
    }
}

/// A port that is nobody's, and what keeps it so.
fn reserve() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

/// Whether namespaces and overlays are ours to make.
fn possible() -> &'static Result<(), String> {
    static POSSIBLE: OnceLock<Result<(), String>> = OnceLock::new();
    POSSIBLE.get_or_init(|| {
        for program in
            [SSHD, Shell::Dash.program(), Shell::Bash.program(), Shell::Busybox.program()]
        {
            if !Path::new(program).exists() {
                return Err(format!("{program} is missing"));
            }
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let head = LAUNCHER.split("exec chroot").next().unwrap_or_default();
        let output = launch(&folder.path().join("lab"), head).stderr(Stdio::piped()).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(format!("setpriv: {error}")),
        }
    })
}

/// A launcher that dies with this thread, and takes its namespaces along.
fn launch(lab: &Path, script: &str) -> Command {
    fs::create_dir(lab).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]);
    command.args(["/bin/dash", "-c", script]).env_clear().env("PATH", PATH).env("LAB", lab);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// A port of this computer, to log in as root.
pub fn local(port: u16) -> Endpoint {
    Endpoint { host: "127.0.0.1".into(), port, user: "root".into() }
}

pub fn dial(identity: &Identity, expect: Expect) -> Dial {
    Dial {
        transport: Arc::new(Tcp),
        identity: identity.clone(),
        expect,
        target: "/workspace".into(),
        retry: Retry::default(),
    }
}

/// Reaches a machine whose addresses stay as they are.
pub async fn reached(dial: &Dial, addresses: Addresses) -> Result<Reached, RemoteError> {
    let (_sender, addresses) = watch::channel(addresses);
    within(reach(dial, addresses, Arc::new(|_: Route| {}))).await
}

/// Fails loudly instead of hanging.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.expect("an answer within a minute")
}

/// Waits until something holds that nobody announces.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}
