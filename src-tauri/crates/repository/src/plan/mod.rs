//! Restore plans: made here, where index and trees are at hand, and carried
//! out by the agent on a rented machine, so that the machine fetches data from
//! its first moment. The sealed plan lies beside the repository, so that it
//! never has to cross this computer's uplink while a machine waits; the ticket
//! that opens it goes to the machine alone.

mod lay;
#[cfg(test)]
mod tests;
mod ticket;
mod walk;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agent::plan::{Group, SectionKind, Totals};
use agent::ticket::FirstRange;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use model::At;
use restic::{Id, Key};
use secrecy::zeroize::Zeroizing;

use self::lay::{Contents, Draft, DraftSection, lay};
use self::walk::{Paths, Walk};
use crate::open::{blocking, random};
use crate::{Counts, CriticalPath, Index, Repository, RepositoryError, TreeSet};

/// Where plans lie, beside the repository's own folders.
const FOLDER: &str = "plans";
/// Plans older than this are deleted.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);
/// Ranges that a ticket names, so that they are asked for before the plan is
/// there; beside a few critical ones, as many others and at least two.
const FIRST_RANGES: usize = 32;
const BESIDE_CRITICAL: usize = 2;
/// As much of a plan is worth fetching at once, in bytes; of its critical part
/// not more than the second.
const HEAD: u64 = 512 << 10;
const MAX_CRITICAL_HEAD: u64 = 8 << 20;
/// Plans deleted at once.
const REQUESTS: usize = 16;

/// What is to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRequest {
    /// The tree that becomes the target: [`crate::Resolved::root`].
    pub root: Id,
    /// The files and folders that are wanted; empty for all. Each is a path
    /// as a critical one is.
    pub include: Vec<String>,
    /// The files and folders that are needed first (product.md §8).
    pub critical: Vec<String>,
}

/// A sealed plan and what opens it.
#[derive(Clone)]
pub struct Plan {
    /// Its name below `plans/`: random, so that it tells nothing.
    pub name: String,
    /// The sealed plan.
    pub bytes: Bytes,
    /// What it brings, as restic counts it.
    pub counts: Counts,
    /// What it brings, as the agent counts it.
    pub totals: Totals,
    /// What files are grouped by, in the order of the tree.
    pub groups: Vec<Group>,
    /// Files that cannot be restored, since the repository lacks a part of
    /// them. The agent lists them.
    pub lost: u64,
    /// Requests that the agent will make for data.
    pub ranges: usize,
    key: Key,
    packs: Arc<[Id]>,
    header_length: u32,
    head_length: u64,
    first: Vec<FirstRange>,
}

impl Plan {
    /// The packs that are read, in the order in which they are first needed.
    #[must_use]
    pub fn packs(&self) -> &[Id] {
        &self.packs
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("name", &self.name)
            .field("bytes", &self.bytes.len())
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

impl Repository {
    /// Makes a plan. It lies nowhere but in memory yet: see
    /// [`Self::store_plan`].
    ///
    /// # Errors
    /// As [`Self::load_trees`]; [`RepositoryError::CriticalPathMissing`],
    /// [`RepositoryError::CriticalPathAmbiguous`], and for `include` too
    /// [`RepositoryError::SnapshotMissing`].
    #[tracing::instrument(skip_all, fields(root = %request.root.short()))]
    pub async fn plan(&self, request: &PlanRequest) -> Result<Plan, RepositoryError> {
        let trees = self.load_trees(request.root).await?;
        let index = self.index().await?;
        let (request, key) = (request.clone(), Zeroizing::new(random()?));
        let name = Id::from_bytes(random()?);
        blocking(move || {
            let draft = draft(&trees, &index, &request)?;
            let plan = seal(draft, Key::from_bytes(&key), name)?;
            tracing::debug!(
                bytes = plan.bytes.len(),
                ranges = plan.ranges,
                packs = plan.packs.len(),
                "plan made"
            );
            Ok(plan)
        })
        .await?
    }

    /// Puts a plan where the agent finds it.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(skip_all, fields(plan = plan.name))]
    pub async fn store_plan(&self, plan: &Plan) -> Result<(), RepositoryError> {
        let name = format!("{FOLDER}/{}", plan.name);
        self.0.store.put_object(&name, plan.bytes.clone()).await
    }

    /// Deletes the plans that are older than seven days, and says how many.
    ///
    /// # Errors
    /// The store's.
    pub async fn delete_old_plans(&self, now: At) -> Result<usize, RepositoryError> {
        let objects = self.0.store.list_objects(FOLDER).await?;
        let oldest = now.unix_ms() - i64::try_from(MAX_AGE.as_millis()).unwrap_or(i64::MAX);
        let old = objects.into_iter().filter(|(_, modified_ms)| *modified_ms < oldest);
        let deleted = stream::iter(old)
            .map(|(path, _)| async move { self.0.store.delete_object(&path).await.map(|()| 1) });
        deleted
            .buffer_unordered(REQUESTS)
            .try_fold(0, |sum, one| async move { Ok(sum + one) })
            .await
    }
}

fn draft(trees: &TreeSet, index: &Index, request: &PlanRequest) -> Result<Draft, RepositoryError> {
    let mut critical = Paths::default();
    let mut named = Vec::new();
    for asked in &request.critical {
        let entry = trees.find_critical(asked)?;
        named.push(CriticalPath { asked: asked.clone(), path: entry.text() });
        critical.add(&entry.names);
    }
    let mut included = Paths::default();
    if request.include.is_empty() {
        included.add(&[]);
    }
    for asked in &request.include {
        let entry = trees.find_critical(asked).map_err(of_selection)?;
        included.add(&entry.names);
    }
    let walk = Walk::new(trees, &included, &critical)?;
    let mut draft = lay(&walk, index);
    draft.counts.critical = named;
    Ok(draft)
}

/// The ranges that are asked for at once.
fn first(sections: &[DraftSection]) -> Vec<FirstRange> {
    let of_kind = |kind| {
        sections
            .iter()
            .filter(move |section| section.kind == kind)
            .filter_map(|section| match &section.contents {
                Contents::Files(files) => Some(&files.ranges),
                Contents::Folders(_) => None,
            })
            .flatten()
    };
    let critical: Vec<_> = of_kind(SectionKind::Critical).take(FIRST_RANGES).collect();
    let beside = match critical.len() {
        0 => FIRST_RANGES,
        few => few.max(BESIDE_CRITICAL).min(FIRST_RANGES - few),
    };
    critical
        .into_iter()
        .chain(of_kind(SectionKind::Files).take(beside))
        .map(|range| FirstRange(range.pack, range.start(), range.end() - range.start()))
        .collect()
}

/// The same, said of a selection.
fn of_selection(error: RepositoryError) -> RepositoryError {
    match error {
        RepositoryError::CriticalPathMissing { path } => {
            RepositoryError::SnapshotMissing { problem: format!("it has no \"{path}\"") }
        }
        RepositoryError::CriticalPathAmbiguous { path, candidates } => {
            let problem = format!("\"{path}\" may be several entries");
            RepositoryError::SnapshotAmbiguous { problem, candidates }
        }
        other => other,
    }
}

fn seal(draft: Draft, key: Key, name: Id) -> Result<Plan, RepositoryError> {
    let Draft { mut header, sections, counts, lost } = draft;
    let ranges_of = |section: &DraftSection| match &section.contents {
        Contents::Files(files) => files.ranges.len(),
        Contents::Folders(_) => 0,
    };
    let ranges = sections.iter().map(ranges_of).sum();
    let first = first(&sections);

    let sealed = seal_sections(&key, &sections)?;
    for (section, sealed) in sections.into_iter().zip(&sealed) {
        header.sections.push(agent::plan::SectionEntry {
            length: u32::try_from(sealed.len()).map_err(RepositoryError::internal)?,
            kind: section.kind,
            ranges: u32::try_from(ranges_of(&section)).map_err(RepositoryError::internal)?,
            span: section.span,
        });
    }
    let mut bytes = header.seal(&key).map_err(RepositoryError::internal)?;
    let header_length = u32::try_from(bytes.len()).map_err(RepositoryError::internal)?;
    let mut head_length = u64::from(header_length);
    for section in &header.sections {
        let is_critical = section.kind == SectionKind::Critical;
        if head_length >= if is_critical { MAX_CRITICAL_HEAD } else { HEAD } {
            break;
        }
        head_length += u64::from(section.length);
    }
    bytes.reserve_exact(sealed.iter().map(Vec::len).sum());
    for section in sealed {
        bytes.extend_from_slice(&section);
    }
    Ok(Plan {
        name: name.to_string(),
        bytes: bytes.into(),
        counts,
        totals: header.totals,
        groups: header.groups,
        lost,
        ranges,
        key,
        packs: header.packs.into(),
        header_length,
        head_length,
        first,
    })
}

/// Compresses and seals on all cores.
fn seal_sections(key: &Key, sections: &[DraftSection]) -> Result<Vec<Vec<u8>>, RepositoryError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = sections.len().div_ceil(threads).max(1);
    let seal_share = |(number, part): (usize, &[DraftSection])| {
        part.iter()
            .enumerate()
            .map(|(at, section)| {
                let place = number * share + at + 1;
                let is_last = place == sections.len();
                let place = u32::try_from(place).map_err(RepositoryError::internal)?;
                match &section.contents {
                    Contents::Files(files) => files.seal(key, place, is_last),
                    Contents::Folders(folders) => folders.seal(key, place, is_last),
                }
                .map_err(RepositoryError::internal)
            })
            .collect::<Result<Vec<_>, _>>()
    };
    std::thread::scope(|scope| {
        let shares: Vec<_> = sections
            .chunks(share)
            .enumerate()
            .map(|part| scope.spawn(move || seal_share(part)))
            .collect();
        let mut sealed = Vec::with_capacity(sections.len());
        for share in shares {
            let share = share.join();
            sealed.extend(share.map_err(|_| RepositoryError::internal("sealing was cut off"))??);
        }
        Ok(sealed)
    })
}
