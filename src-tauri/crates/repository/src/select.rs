//! Which snapshot a recipe means (product.md §2): never a guess between
//! several workspaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::SnapshotSelector;
use restic::Id;

use crate::{Repository, RepositoryError, SnapshotList, StoredSnapshot};

/// How many candidates an error lists.
const MAX_CANDIDATES: usize = 10;

/// The snapshot that was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The snapshot.
    pub snapshot: Arc<StoredSnapshot>,
    /// The tree to restore: the snapshot's, or that of the folder asked for.
    pub root: Id,
    /// The folder asked for, which becomes the root.
    pub folder: Option<String>,
}

impl Repository {
    /// Finds the snapshot. `latest` is the newest with the tag
    /// `dumont:<recipe>`; else the newest whose paths are the recipe's; else,
    /// if the recipe names no paths and the repository holds one workspace
    /// only (one set of paths), the newest. `none` is the caller's to handle:
    /// here it is a missing snapshot.
    ///
    /// # Errors
    /// [`RepositoryError::SnapshotMissing`],
    /// [`RepositoryError::SnapshotAmbiguous`]; [`RepositoryError::Damaged`] if
    /// the snapshot, or for `latest` any, cannot be read, since it may be the
    /// one that is meant; the store's.
    #[tracing::instrument(skip_all, fields(%selector, recipe = recipe_name))]
    pub async fn resolve(
        &self,
        selector: &SnapshotSelector,
        recipe_name: &str,
        recipe_paths: &[String],
    ) -> Result<Resolved, RepositoryError> {
        match selector {
            SnapshotSelector::None => {
                Err(RepositoryError::SnapshotMissing { problem: "none is asked for".into() })
            }
            SnapshotSelector::Latest => {
                let list = self.snapshots().await?;
                let snapshot = latest(&list, recipe_name, recipe_paths)?;
                Ok(Resolved { root: snapshot.snapshot.tree, snapshot, folder: None })
            }
            SnapshotSelector::Id { prefix, folder } => {
                let found = self.snapshots_named(prefix).await?;
                let snapshot = only(prefix, &found)?;
                let mut root = snapshot.snapshot.tree;
                if let Some(folder) = folder {
                    let found = self.find_folder(root, folder).await?;
                    root = found.ok_or_else(|| RepositoryError::SnapshotMissing {
                        problem: format!(
                            "{} has no folder \"{}\"",
                            snapshot.id.short(),
                            model::clean(folder, 200)
                        ),
                    })?;
                }
                Ok(Resolved { snapshot, root, folder: folder.clone() })
            }
        }
    }
}

fn only(
    prefix: &str,
    found: &[Arc<StoredSnapshot>],
) -> Result<Arc<StoredSnapshot>, RepositoryError> {
    match found {
        [snapshot] => Ok(Arc::clone(snapshot)),
        [] => {
            Err(RepositoryError::SnapshotMissing { problem: format!("none begins with {prefix}") })
        }
        several => Err(RepositoryError::SnapshotAmbiguous {
            problem: format!("several begin with {prefix}"),
            candidates: several.iter().take(MAX_CANDIDATES).map(|one| describe(one)).collect(),
        }),
    }
}

fn latest(
    list: &SnapshotList,
    recipe_name: &str,
    recipe_paths: &[String],
) -> Result<Arc<StoredSnapshot>, RepositoryError> {
    if let Some(error) = list.damaged.first() {
        return Err(error.clone());
    }
    let tag = format!("dumont:{recipe_name}");
    let newest = |fits: &dyn Fn(&StoredSnapshot) -> bool| {
        list.snapshots.iter().find(|snapshot| fits(snapshot)).cloned()
    };
    if let Some(snapshot) = newest(&|snapshot| snapshot.snapshot.tags.contains(&tag)) {
        return Ok(snapshot);
    }
    if !recipe_paths.is_empty() {
        let wanted = workspace(recipe_paths);
        return newest(&|snapshot| workspace(&snapshot.snapshot.paths) == wanted).ok_or_else(
            || RepositoryError::SnapshotMissing {
                problem: format!(
                    "none has the tag {} or the paths {}",
                    model::clean(&tag, 80),
                    model::clean(&recipe_paths.join(", "), 200)
                ),
            },
        );
    }

    let mut workspaces = BTreeMap::new();
    for snapshot in &list.snapshots {
        // The first of each is its newest.
        workspaces.entry(workspace(&snapshot.snapshot.paths)).or_insert(snapshot);
    }
    let mut newest: Vec<_> = workspaces.into_values().collect();
    newest.sort_by_cached_key(|snapshot| snapshot.newest_first());
    match &newest[..] {
        [snapshot] => Ok(Arc::clone(snapshot)),
        [] => Err(RepositoryError::SnapshotMissing { problem: "the repository has none".into() }),
        several => Err(RepositoryError::SnapshotAmbiguous {
            problem: "the repository holds several workspaces".into(),
            candidates: several.iter().take(MAX_CANDIDATES).map(|one| describe(one)).collect(),
        }),
    }
}

/// What tells workspaces apart: the set of paths, however they are written.
fn workspace(paths: &[String]) -> BTreeSet<&str> {
    paths
        .iter()
        .map(|path| match path.trim_end_matches('/') {
            "" => "/",
            path => path,
        })
        .collect()
}

fn describe(snapshot: &StoredSnapshot) -> String {
    let view = snapshot.view();
    model::clean(&format!("{} of {} ({})", view.id.short(), view.time, view.paths.join(", ")), 200)
}

#[cfg(test)]
mod tests {
    use restic::Snapshot;

    use super::*;

    fn stored(day: u8, tags: &[&str], paths: &[&str]) -> Arc<StoredSnapshot> {
        let own = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let json =
            format!(r#"{{"time":"2026-01-{day:02}T00:00:00Z","tree":"{}"}}"#, Id::of(&[day]));
        let mut snapshot = Snapshot::parse(json.as_bytes()).unwrap();
        snapshot.tags = own(tags);
        snapshot.paths = own(paths);
        Arc::new(StoredSnapshot { id: Id::of(&[day, 1]), snapshot })
    }

    fn list(mut snapshots: Vec<Arc<StoredSnapshot>>) -> SnapshotList {
        snapshots.sort_by_cached_key(|snapshot| snapshot.newest_first());
        SnapshotList { snapshots, damaged: Vec::new() }
    }

    fn day(found: Result<Arc<StoredSnapshot>, RepositoryError>) -> u8 {
        let tree = found.unwrap().snapshot.tree;
        (0..32).find(|day| Id::of(&[*day]) == tree).unwrap()
    }

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_newest_with_the_recipes_tag_goes_first() {
        let list = list(vec![
            stored(1, &["dumont:muse"], &["/a"]),
            stored(3, &["x", "dumont:muse"], &["/other"]),
            stored(5, &["dumont:comfy"], &["/a"]),
            stored(7, &[], &["/a"]),
        ]);
        assert_eq!(day(latest(&list, "muse", &paths(&["/a"]))), 3);
        assert_eq!(day(latest(&list, "comfy", &[])), 5);
    }

    #[test]
    fn else_the_newest_with_the_recipes_paths() {
        let list = list(vec![
            stored(1, &[], &["/b", "/a"]),
            stored(2, &[], &["/a", "/b/"]),
            stored(3, &[], &["/a"]),
            stored(4, &[], &["/a", "/b", "/c"]),
        ]);
        assert_eq!(day(latest(&list, "muse", &paths(&["/a/", "/b"]))), 2);
        let missing = latest(&list, "muse", &paths(&["/z"])).unwrap_err();
        assert_eq!(missing.code(), model::Code::SnapshotMissing);
    }

    #[test]
    fn else_the_newest_of_the_only_workspace() {
        let one = list(vec![stored(1, &[], &["/a"]), stored(2, &["x"], &["/a/"])]);
        assert_eq!(day(latest(&one, "muse", &[])), 2);
        let none = latest(&list(Vec::new()), "muse", &[]).unwrap_err();
        assert_eq!(none.code(), model::Code::SnapshotMissing);
    }

    #[test]
    fn several_workspaces_are_never_guessed_between() {
        let list = list(vec![
            stored(1, &[], &["/a"]),
            stored(2, &[], &["/b\x1b[31m"]),
            stored(3, &[], &["/a"]),
        ]);
        let RepositoryError::SnapshotAmbiguous { candidates, .. } =
            latest(&list, "muse", &[]).unwrap_err()
        else {
            panic!("a choice was made");
        };
        assert_eq!(candidates.len(), 2);
        assert!(candidates[0].ends_with("of 2026-01-03T00:00:00.000Z (/a)"), "{candidates:?}");
        assert!(candidates[1].ends_with("(/b[31m)"), "{candidates:?}");
    }

    #[test]
    fn a_damaged_snapshot_may_be_the_one_that_is_meant() {
        let mut list = list(vec![stored(1, &["dumont:muse"], &["/a"])]);
        let error = RepositoryError::damaged(crate::FileName::Snapshot(Id::of(b"")), "it is");
        list.damaged.push(error.clone());
        assert_eq!(latest(&list, "muse", &[]), Err(error));
    }
}
