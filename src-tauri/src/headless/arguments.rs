//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use engine::Handle;
use model::{
    AppError, CloudId, HostId, LaunchRequest, MachineId, OfferFilter, OfferId, OfferOrder,
    RacePolicy, Rate, RestoreDestination, RestoreRequest, SnapshotId, SnapshotSelector,
    SnapshotView, Tool,
};

use crate::setup::World;

const LINKS: &str = "dumont://";

/// Puts a GPU workspace on a freshly rented machine faster than anything else.
///
/// Without a subcommand the window opens.
#[derive(Debug, Parser)]
#[command(name = "dumont-cloud", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Wait in the tray: how the app starts with the session
    #[arg(long, hide = true)]
    pub(crate) minimised: bool,
}

impl Arguments {
    /// Reads the command line. A link is not ours to read: the desktop starts
    /// us with it as the only argument, and the window takes it from there.
    pub(crate) fn read() -> Self {
        let mut words: Vec<_> = std::env::args_os().collect();
        let is_link =
            |word: &std::ffi::OsString| word.to_str().is_some_and(|text| text.starts_with(LINKS));
        if words.len() == 2 && words.get(1).is_some_and(is_link) {
            words.truncate(1);
        }
        Self::parse_from(words)
    }
}

/// Flags every subcommand knows.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// One JSON object a line on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where runs, machines and costs are kept
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Work on the embedded practice cloud: free, on this computer, every
    /// credential ignored
    #[arg(long, global = true, value_name = "SEED", num_args = 0..=1, require_equals = true,
          default_missing_value = "1")]
    practice: Option<u64>,
    /// Let time run faster (clouds on this computer only)
    #[arg(long, global = true, hide = true, value_name = "FACTOR")]
    time_scale: Option<f64>,
}

impl Common {
    /// The world a headless run works in.
    pub(crate) fn world(&self) -> World {
        World {
            practice: self.practice,
            time_scale: self.time_scale,
            environment: true,
            ..World::at(self.data_dir.clone())
        }
    }

    /// The world the window works in: practice, unless a key is kept.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "only the window asks"))]
    pub(crate) fn window_world(&self) -> World {
        World { practice_without_key: true, environment: false, ..self.world() }
    }
}

/// What can be done without a display.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Race machines, restore the snapshot on the winner, leave it running
    Launch(Box<LaunchOptions>),
    /// Rent one offer, without a race, and restore the snapshot on it
    Rent {
        /// As `offers` lists it
        offer: String,
        #[command(flatten)]
        options: Box<LaunchOptions>,
    },
    /// Restore a snapshot onto a machine of ours, or into a folder here
    Restore(Box<RestoreOptions>),
    /// List what can be rented now
    Offers(Box<OfferOptions>),
    /// List the repository's snapshots, equal contents folded, or a folder of one
    Snapshots(SnapshotOptions),
    /// List the account's machines, ours told apart
    Machines,
    /// Destroy one machine and wait until it is gone
    Destroy {
        /// As `machines` lists it
        machine: String,
    },
    /// Destroy what earlier runs left behind; winners are kept
    Sweep {
        /// Destroy what another computer's copy of this app left behind, too
        #[arg(long, value_name = "ID")]
        install: Option<String>,
    },
    /// List the hosts that were rented before: how they booted and failed
    Hosts,
    /// List the recipes
    Recipes,
    /// Check keychain, cloud, repository and leftovers
    Doctor,
}

impl Command {
    /// Lists answer and end; everything else stays long enough to finish what
    /// an earlier run left.
    pub(crate) const fn attends(&self) -> bool {
        !matches!(
            self,
            Self::Offers(_) | Self::Snapshots(_) | Self::Machines | Self::Hosts | Self::Recipes
        )
    }
}

/// Overrides of a recipe.
#[derive(Debug, Args)]
pub(crate) struct LaunchOptions {
    /// The recipe to launch
    #[arg(long, value_name = "NAME")]
    recipe: Option<String>,
    /// The snapshot to restore
    #[arg(long, value_name = "latest|none|ID[:/sub]")]
    snapshot: Option<String>,
    /// Where the snapshot's root is put on the machine
    #[arg(long, value_name = "DIR")]
    target: Option<String>,
    /// Restored first; work can start when all of these are there
    #[arg(long, value_name = "PATH")]
    critical: Vec<String>,
    /// GPU model, as the cloud spells it
    #[arg(long, value_name = "NAME")]
    gpu: Option<String>,
    /// How many GPUs
    #[arg(long, value_name = "N")]
    num_gpus: Option<u32>,
    /// Container image
    #[arg(long)]
    image: Option<String>,
    /// Disk of the machine
    #[arg(long, value_name = "GB")]
    disk: Option<u32>,
    /// The most an hour may cost, disk included
    #[arg(long, value_name = "USD_PER_HOUR")]
    max_price: Option<f64>,
    /// What happens to slow machines
    #[arg(long)]
    policy: Option<Policy>,
    /// What restores
    #[arg(long)]
    tool: Option<RestoreTool>,
}

/// What to restore, and where to.
#[derive(Debug, Args)]
#[group(id = "destination", required = true, multiple = false, args = ["machine", "local"])]
pub(crate) struct RestoreOptions {
    /// Onto this machine: one of ours that runs
    #[arg(long, value_name = "ID")]
    machine: Option<String>,
    /// Into this folder of this computer
    #[arg(long, value_name = "DIR")]
    local: Option<PathBuf>,
    /// The recipe whose workspace is meant
    #[arg(long, value_name = "NAME")]
    recipe: Option<String>,
    /// The snapshot to restore
    #[arg(long, value_name = "latest|ID[:/sub]", default_value = "latest")]
    snapshot: String,
    /// Where the snapshot's root is put: on the machine, or below the folder
    #[arg(long, value_name = "DIR")]
    target: Option<String>,
    /// Only this path and what is below it
    #[arg(long, value_name = "PATH")]
    include: Vec<String>,
    /// Restored first
    #[arg(long, value_name = "PATH")]
    critical: Vec<String>,
    /// What restores
    #[arg(long)]
    tool: Option<RestoreTool>,
}

impl RestoreOptions {
    /// Reads what is read before anything is started.
    pub(crate) fn check(&self) -> Result<RestoreRequest, AppError> {
        let destination = match (&self.machine, &self.local) {
            (Some(machine), None) => {
                RestoreDestination::Machine { machine: MachineId::new(machine.as_str()) }
            }
            (None, Some(folder)) => {
                let folder = std::path::absolute(folder)
                    .map_err(|error| usage(format!("{}: {error}", folder.display())))?;
                let text = folder.to_str().ok_or_else(|| {
                    usage(format!("{} is no text this app can keep", folder.display()))
                })?;
                RestoreDestination::Local { folder: text.to_owned() }
            }
            _ => return Err(usage("a restore goes onto --machine or into --local")),
        };
        Ok(RestoreRequest {
            destination,
            snapshot: self.snapshot.parse().map_err(usage)?,
            recipe: self.recipe.clone(),
            target: self.target.clone(),
            include: self.include.clone(),
            critical: self.critical.clone(),
            tool: self.tool.map(Tool::from).unwrap_or_default(),
        })
    }
}

/// Which snapshots, or what of one.
#[derive(Debug, Args)]
pub(crate) struct SnapshotOptions {
    /// List what lies in this snapshot, or in a folder of it
    #[arg(value_name = "ID[:/FOLDER]")]
    pub(crate) snapshot: Option<String>,
    /// Only snapshots with this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Only snapshots taken on this computer
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Only snapshots of this path
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
}

impl SnapshotOptions {
    /// The snapshot and folder whose contents are asked for.
    pub(crate) fn entry(&self) -> Result<Option<(SnapshotId, String)>, AppError> {
        let Some(text) = &self.snapshot else { return Ok(None) };
        match text.parse().map_err(usage)? {
            SnapshotSelector::Id { prefix, folder } => {
                Ok(Some((SnapshotId::new(prefix), folder.unwrap_or_default())))
            }
            SnapshotSelector::Latest | SnapshotSelector::None => {
                Err(usage("name a snapshot by its id to see what is in it"))
            }
        }
    }

    /// Whether this snapshot is asked for.
    pub(crate) fn wants(&self, snapshot: &SnapshotView) -> bool {
        self.tag.as_ref().is_none_or(|tag| snapshot.tags.contains(tag))
            && self.host.as_ref().is_none_or(|host| snapshot.hostname == *host)
            && self.path.as_ref().is_none_or(|path| snapshot.paths.contains(path))
    }
}

/// Which offers to list.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct OfferOptions {
    /// GPU model, as the cloud spells it
    #[arg(long, value_name = "NAME")]
    gpu: Option<String>,
    /// How many GPUs
    #[arg(long, value_name = "N")]
    num_gpus: Option<u32>,
    /// The most an hour may cost, disk included
    #[arg(long, value_name = "USD_PER_HOUR")]
    max_price: Option<f64>,
    /// Disk to price in
    #[arg(long, value_name = "GB", default_value_t = 20)]
    disk: u32,
    /// Least measured download
    #[arg(long, value_name = "MBIT_PER_S")]
    min_down: Option<f64>,
    /// Least measured upload
    #[arg(long, value_name = "MBIT_PER_S")]
    min_up: Option<f64>,
    /// The most a GB coming in may cost
    #[arg(long, value_name = "USD_PER_GB")]
    max_traffic_price: Option<f64>,
    /// Least memory of one GPU
    #[arg(long, value_name = "GB")]
    min_gpu_ram: Option<f64>,
    /// Least main memory
    #[arg(long, value_name = "GB")]
    min_ram: Option<f64>,
    /// Least CPU cores
    #[arg(long, value_name = "N")]
    min_cores: Option<f64>,
    /// Least disk read bandwidth
    #[arg(long, value_name = "MB_PER_S")]
    min_disk_bandwidth: Option<f64>,
    /// Least CUDA version the driver supports
    #[arg(long, value_name = "VERSION")]
    min_cuda: Option<f64>,
    /// Least compute capability, as in 8.9
    #[arg(long, value_name = "VERSION")]
    min_compute_capability: Option<f64>,
    /// Least hours the host promises to stay
    #[arg(long, value_name = "HOURS")]
    min_hours: Option<f64>,
    /// Least uptime score, 0 to 1
    #[arg(long, value_name = "SCORE")]
    min_reliability: Option<f64>,
    /// Only these countries (two letters each)
    #[arg(long, value_name = "CC")]
    country: Vec<String>,
    /// Hosts the cloud has not verified too
    #[arg(long)]
    unverified: bool,
    /// Data centres only
    #[arg(long)]
    datacenter: bool,
    /// Only hosts with direct SSH
    #[arg(long)]
    direct: bool,
    /// Only hosts with a fixed address
    #[arg(long)]
    static_ip: bool,
    /// Never this host
    #[arg(long, value_name = "HOST")]
    without_host: Vec<String>,
    /// Only this cloud
    #[arg(long, value_name = "NAME")]
    cloud: Vec<CloudId>,
    /// Which come first
    #[arg(long, default_value = "rank")]
    order: Order,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Policy {
    /// Past 10 s in a step: destroyed and replaced
    Strict,
    /// Slow machines race on
    KeepRacing,
    /// All 15 start at once
    AllAtOnce,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RestoreTool {
    /// Ours, on a plan; stock restic where it cannot work
    Agent,
    /// Stock restic
    Restic,
}

impl From<RestoreTool> for Tool {
    fn from(tool: RestoreTool) -> Self {
        match tool {
            RestoreTool::Agent => Self::Agent,
            RestoreTool::Restic => Self::Restic,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// Price and expected time to ready together
    Rank,
    /// Cheapest first
    Price,
    /// Fastest line first
    Download,
    /// Most reliable first
    Reliability,
    /// Most performance for the money first
    Value,
}

/// A launch whose options make sense, still without its recipe.
#[derive(Debug)]
pub(crate) struct CheckedLaunch {
    recipe: Option<String>,
    snapshot: Option<SnapshotSelector>,
    target: Option<String>,
    critical: Vec<String>,
    gpu: Option<String>,
    num_gpus: Option<u32>,
    image: Option<String>,
    disk: Option<u32>,
    max_price: Option<Rate>,
    policy: Option<RacePolicy>,
    tool: Option<Tool>,
    only_offers: Vec<OfferId>,
}

impl LaunchOptions {
    /// Reads what is read before anything is started.
    pub(crate) fn check(&self) -> Result<CheckedLaunch, AppError> {
        let snapshot = self.snapshot.as_deref().map(str::parse).transpose();
        Ok(CheckedLaunch {
            recipe: self.recipe.clone(),
            snapshot: snapshot.map_err(usage)?,
            target: self.target.clone(),
            critical: self.critical.clone(),
            gpu: self.gpu.clone(),
            num_gpus: self.num_gpus,
            image: self.image.clone(),
            disk: self.disk,
            max_price: self.max_price.map(price).transpose()?,
            policy: self.policy.map(|policy| match policy {
                Policy::Strict => RacePolicy::Strict,
                Policy::KeepRacing => RacePolicy::KeepRacing,
                Policy::AllAtOnce => RacePolicy::AllAtOnce,
            }),
            tool: self.tool.map(Tool::from),
            only_offers: Vec::new(),
        })
    }
}

impl CheckedLaunch {
    /// The same on this offer alone.
    pub(crate) fn only(mut self, offer: &str) -> Self {
        self.only_offers = vec![OfferId::new(offer)];
        self
    }

    /// Lays the options over the recipe.
    pub(crate) fn request(self, engine: &Handle) -> Result<LaunchRequest, AppError> {
        let mut recipe = engine.context().recipe(self.recipe.as_deref())?;
        if let Some(snapshot) = self.snapshot {
            if snapshot == SnapshotSelector::None {
                recipe.critical.clear();
            }
            recipe.snapshot = snapshot;
        }
        if !self.critical.is_empty() {
            recipe.critical = self.critical;
        }
        recipe.target = self.target.unwrap_or(recipe.target);
        recipe.image = self.image.unwrap_or(recipe.image);
        recipe.disk_gb = self.disk.or(recipe.disk_gb);
        recipe.policy = self.policy.unwrap_or(recipe.policy);
        recipe.tool = self.tool.unwrap_or(recipe.tool);
        recipe.filter.gpu = self.gpu.or(recipe.filter.gpu);
        recipe.filter.num_gpus = self.num_gpus.or(recipe.filter.num_gpus);
        recipe.filter.max_price = self.max_price.or(recipe.filter.max_price);
        recipe.check()?;
        Ok(LaunchRequest { recipe, only_offers: self.only_offers })
    }
}

impl OfferOptions {
    pub(crate) fn filter(&self) -> Result<OfferFilter, AppError> {
        if let Some(country) = self.country.iter().find(|country| country.len() != 2) {
            return Err(usage(format!("a country has two letters, not \"{country}\"")));
        }
        if self.min_reliability.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
            return Err(usage("an uptime score is between 0 and 1"));
        }
        let positive = [
            ("--min-down", self.min_down),
            ("--min-up", self.min_up),
            ("--max-traffic-price", self.max_traffic_price),
            ("--min-gpu-ram", self.min_gpu_ram),
            ("--min-ram", self.min_ram),
            ("--min-cores", self.min_cores),
            ("--min-disk-bandwidth", self.min_disk_bandwidth),
            ("--min-cuda", self.min_cuda),
            ("--min-compute-capability", self.min_compute_capability),
            ("--min-hours", self.min_hours),
        ];
        let wrong = positive
            .iter()
            .find(|(_, value)| value.is_some_and(|value| !value.is_finite() || value < 0.0));
        if let Some((name, _)) = wrong {
            return Err(usage(format!("{name} takes a number that is not negative")));
        }
        let scaled = |value: Option<f64>, by: f64| value.map(|value| (value * by).round() as u64);
        Ok(OfferFilter {
            min_inet_up_mbps: self.min_up,
            max_down_usd_micros_per_gb: scaled(self.max_traffic_price, 1e6),
            min_gpu_ram_mb: scaled(self.min_gpu_ram, 1_024.0),
            min_cpu_ram_mb: scaled(self.min_ram, 1_024.0),
            min_cpu_cores: self.min_cores,
            min_disk_bw_mb_s: self.min_disk_bandwidth,
            min_cuda: self.min_cuda,
            min_compute_cap: scaled(self.min_compute_capability, 100.0)
                .and_then(|cap| u32::try_from(cap).ok()),
            min_duration_s: scaled(self.min_hours, 3_600.0),
            direct_only: self.direct,
            static_ip_only: self.static_ip,
            without_hosts: self
                .without_host
                .iter()
                .map(|host| HostId::new(host.as_str()))
                .collect(),
            clouds: self.cloud.clone(),
            gpu: self.gpu.clone(),
            num_gpus: self.num_gpus,
            max_price: self.max_price.map(price).transpose()?,
            disk_gb: Some(self.disk),
            min_inet_down_mbps: self.min_down,
            min_reliability: self.min_reliability,
            countries: self.country.iter().map(|country| country.to_uppercase()).collect(),
            verified_only: !self.unverified,
            datacenter_only: self.datacenter,
        })
    }

    pub(crate) const fn order(&self) -> OfferOrder {
        match self.order {
            Order::Rank => OfferOrder::Rank,
            Order::Price => OfferOrder::Price,
            Order::Download => OfferOrder::Download,
            Order::Reliability => OfferOrder::Reliability,
            Order::Value => OfferOrder::Value,
        }
    }
}

fn price(usd: f64) -> Result<Rate, AppError> {
    if usd.is_finite() && usd > 0.0 {
        Ok(Rate::from_usd_per_hour(usd))
    } else {
        Err(usage("a price cap is a number of dollars above 0"))
    }
}

fn usage(details: impl Into<String>) -> AppError {
    AppError::new(model::Code::Usage, details)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn practice_takes_a_seed_only_with_an_equals_sign() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(parse("dumont-cloud launch --practice").common.practice, Some(1));
        assert_eq!(parse("dumont-cloud --practice=7 launch").common.practice, Some(7));
        assert_eq!(parse("dumont-cloud launch").common.practice, None);
        assert!(matches!(
            parse("dumont-cloud --practice machines").command,
            Some(Command::Machines)
        ));
    }
}
