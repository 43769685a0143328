//! From trees to the entries that a plan is about, in the order of the tree:
//! what is selected, what is critical, and which group it belongs to.

use std::collections::HashMap;

use agent::plan::Group;
use restic::{Id, Node, NodeKind, Tree};

use crate::trees::subtree;
use crate::{RepositoryError, TreeSet};

/// No honest snapshot holds more entries.
const MAX_ENTRIES: usize = 50_000_000;
/// Groups that people can still tell apart.
const MAX_GROUPS: usize = 48;

/// Paths, as a tree of names.
#[derive(Debug, Default)]
pub(super) struct Paths<'a> {
    is_whole: bool,
    below: HashMap<&'a [u8], Paths<'a>>,
}

impl<'a> Paths<'a> {
    pub(super) fn add(&mut self, names: &[&'a [u8]]) {
        match names.split_first() {
            None => self.is_whole = true,
            Some((name, rest)) => self.below.entry(name).or_default().add(rest),
        }
    }
}

/// What of a folder is meant.
#[derive(Debug, Clone, Copy)]
enum Scope<'p> {
    Everything,
    Nothing,
    Some(&'p Paths<'p>),
}

impl<'p> Scope<'p> {
    const fn of(paths: &'p Paths<'p>) -> Self {
        if paths.is_whole { Self::Everything } else { Self::Some(paths) }
    }

    fn below(self, name: &[u8]) -> Self {
        match self {
            Self::Everything | Self::Nothing => self,
            Self::Some(paths) => paths.below.get(name).map_or(Self::Nothing, Self::of),
        }
    }
}

/// A folder that is restored; the first one is the target itself.
#[derive(Debug)]
pub(super) struct WalkedFolder<'a> {
    /// Absent for the target.
    pub(super) node: Option<&'a Node>,
    /// From the target, without slashes around it.
    pub(super) path: Vec<u8>,
    pub(super) parent: u32,
    pub(super) is_critical: bool,
    pub(super) is_empty: bool,
}

/// Anything that is no folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct WalkedEntry<'a> {
    pub(super) node: &'a Node,
    pub(super) folder: u32,
    pub(super) group: u32,
    pub(super) is_critical: bool,
}

/// All that is restored, in the order of the tree.
#[derive(Debug, Default)]
pub(super) struct Walk<'a> {
    pub(super) folders: Vec<WalkedFolder<'a>>,
    pub(super) entries: Vec<WalkedEntry<'a>>,
    pub(super) groups: Vec<Group>,
}

/// A folder whose nodes are being walked.
struct Open<'a, 'p> {
    nodes: std::slice::Iter<'a, Node>,
    folder: u32,
    group: u32,
    included: Scope<'p>,
    critical: Scope<'p>,
    /// The folders in it are groups.
    splits: bool,
}

impl<'a> Walk<'a> {
    /// # Errors
    /// [`RepositoryError::TreeDamaged`] for a snapshot without end.
    pub(super) fn new(
        trees: &'a TreeSet,
        included: &Paths<'_>,
        critical: &Paths<'_>,
    ) -> Result<Self, RepositoryError> {
        Self::with_limit(trees, included, critical, MAX_ENTRIES)
    }

    pub(super) fn with_limit(
        trees: &'a TreeSet,
        included: &Paths<'_>,
        critical: &Paths<'_>,
        limit: usize,
    ) -> Result<Self, RepositoryError> {
        let mut walk = Self::default();
        let Some(root) = trees.get(&trees.root) else { return Ok(walk) };
        let critical = Scope::of(critical);
        walk.folders.push(WalkedFolder {
            node: None,
            path: Vec::new(),
            parent: 0,
            is_critical: matches!(critical, Scope::Everything),
            is_empty: root.nodes.is_empty(),
        });
        walk.groups.push(Group::default());
        let mut open = vec![Open {
            nodes: root.nodes.iter(),
            folder: 0,
            group: 0,
            included: Scope::of(included),
            critical,
            splits: !is_lonely(root),
        }];
        while let Some(top) = open.last_mut() {
            let Some(node) = top.nodes.next() else {
                open.pop();
                continue;
            };
            let name = node.name.as_bytes();
            let included = top.included.below(name);
            if matches!(included, Scope::Nothing) {
                continue;
            }
            let critical = top.critical.below(name);
            let is_critical = matches!(critical, Scope::Everything);
            let (folder, group, splits) = (top.folder, top.group, top.splits);
            if walk.entries.len() + walk.folders.len() >= limit {
                return Err(endless(trees.root));
            }
            let Some(tree) = subtree(node).and_then(|id| trees.get(&id)) else {
                walk.entries.push(WalkedEntry { node, folder, group, is_critical });
                continue;
            };
            let above = &walk.folders[folder as usize].path;
            let path =
                if above.is_empty() { name.to_vec() } else { [above, &b"/"[..], name].concat() };
            let group = walk.group_of(&path, group, splits);
            let number = u32::try_from(walk.folders.len()).map_err(|_| endless(trees.root))?;
            walk.folders.push(WalkedFolder {
                node: Some(node),
                path,
                parent: folder,
                is_critical,
                is_empty: tree.nodes.is_empty(),
            });
            open.push(Open {
                nodes: tree.nodes.iter(),
                folder: number,
                group,
                included,
                critical,
                // Above the first folder with several entries all is one way down.
                splits: !splits && walk.groups.len() == 1 && !is_lonely(tree),
            });
        }
        Ok(walk)
    }

    fn group_of(&mut self, path: &[u8], group: u32, splits: bool) -> u32 {
        if !splits || self.groups.len() >= MAX_GROUPS {
            return group;
        }
        self.groups.push(Group { path: path.to_vec(), ..Group::default() });
        self.groups.len() as u32 - 1
    }
}

/// Whether nothing but one folder lies in it.
fn is_lonely(tree: &Tree) -> bool {
    matches!(&tree.nodes[..], [node] if node.kind == NodeKind::Dir)
}

fn endless(root: Id) -> RepositoryError {
    RepositoryError::TreeDamaged { tree: root, problem: "it has no end".into() }
}
