//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use engine::Handle;
use model::{
    AppError, LaunchRequest, OfferFilter, OfferOrder, RacePolicy, Rate, SnapshotSelector, Tool,
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
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "only the window waits"))]
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
    /// List what can be rented now
    Offers(Box<OfferOptions>),
    /// List the repository's snapshots, equal contents folded
    Snapshots,
    /// List the account's machines, ours told apart
    Machines,
    /// Destroy one machine and wait until it is gone
    Destroy {
        /// As `machines` lists it
        machine: String,
    },
    /// Destroy what earlier runs left behind; winners are kept
    Sweep,
    /// Check keychain, cloud, repository and leftovers
    Doctor,
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

/// Which offers to list.
#[derive(Debug, Args)]
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
            tool: self.tool.map(|tool| match tool {
                RestoreTool::Agent => Tool::Agent,
                RestoreTool::Restic => Tool::Restic,
            }),
        })
    }
}

impl CheckedLaunch {
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
        Ok(LaunchRequest { recipe, only_offers: Vec::new() })
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
        Ok(OfferFilter {
            gpu: self.gpu.clone(),
            num_gpus: self.num_gpus,
            max_price: self.max_price.map(price).transpose()?,
            disk_gb: Some(self.disk),
            min_inet_down_mbps: self.min_down,
            min_reliability: self.min_reliability,
            countries: self.country.iter().map(|country| country.to_uppercase()).collect(),
            verified_only: !self.unverified,
            datacenter_only: self.datacenter,
            ..OfferFilter::default()
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
