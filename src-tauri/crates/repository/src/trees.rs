//! The folders of a snapshot. Trees come in packs of thousands; a pack that is
//! touched is fetched whole, once, and kept as it is stored, sealed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use restic::{BlobKind, Id, Node, NodeKind, Tree};
use tokio::sync::{OnceCell, Semaphore};

use crate::open::{Inner, Repository, blocking};
use crate::{FileName, Index, Located, RepositoryError};

/// Packs fetched at once.
const REQUESTS: usize = 32;
/// No pack is longer, in bytes: restic's largest are 128 MiB and a header.
const MAX_PACK: u64 = 512 << 20;
/// Trees that one thread decodes at a stretch.
const SHARE: usize = 64;
/// Trees of more entries than this are not kept in memory; these are about
/// 100 MB.
const MAX_RECENT: usize = 200_000;

/// All trees below a root, each once.
#[derive(Debug, Clone)]
pub struct TreeSet {
    /// Where it begins.
    pub root: Id,
    trees: HashMap<Id, Arc<Tree>>,
}

impl TreeSet {
    /// One of its trees.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<&Arc<Tree>> {
        self.trees.get(id)
    }

    /// Every tree, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, &Arc<Tree>)> {
        self.trees.iter()
    }

    /// How many different trees there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trees.len()
    }

    /// Never true: the root is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty()
    }

    /// The tree of a folder's node.
    pub(crate) fn below(&self, node: &Node) -> Option<&Arc<Tree>> {
        self.trees.get(&subtree(node)?)
    }
}

#[cfg(test)]
impl TreeSet {
    pub(crate) fn of(root: Id, trees: HashMap<Id, Arc<Tree>>) -> Self {
        Self { root, trees }
    }
}

/// The tree of a folder; nothing else has one.
pub(crate) fn subtree(node: &Node) -> Option<Id> {
    node.subtree.filter(|_| node.kind == NodeKind::Dir)
}

/// The parts of a path; empty ones and `.` say nothing.
pub(crate) fn components(path: &str) -> impl Iterator<Item = &[u8]> {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::as_bytes)
}

impl Repository {
    /// What lies in one folder.
    ///
    /// # Errors
    /// [`RepositoryError::PackDamaged`] or [`RepositoryError::TreeDamaged`],
    /// those of the index and of the store.
    pub async fn list(&self, tree: Id) -> Result<Arc<Tree>, RepositoryError> {
        let before = self.index().await?;
        match self.read_tree(tree).await {
            Ok(tree) => Ok(tree),
            Err(error) => {
                self.follow_prune(&before, error).await?;
                self.read_tree(tree).await
            }
        }
    }

    async fn read_tree(&self, tree: Id) -> Result<Arc<Tree>, RepositoryError> {
        let located = self.locate_trees(&[tree]).await?;
        let mut packs = Packs { inner: Arc::clone(&self.0), held: HashMap::new() };
        let cells = packs.cells(&located);
        let read = read_trees(Arc::clone(&self.0), located, cells).await?;
        let missing = || RepositoryError::internal("a tree was read as nothing");
        read.into_iter().next().map(|(_, tree)| tree).ok_or_else(missing)
    }

    /// The node at a path below a root (`/a/b`); `None` if there is none. The
    /// root itself has no node. Symbolic links are not followed.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn find(&self, root: Id, path: &str) -> Result<Option<Node>, RepositoryError> {
        let mut next = Some(root);
        let mut found = None;
        for name in components(path) {
            let Some(tree) = next else { return Ok(None) };
            let Some(node) = self.list(tree).await?.find(name).cloned() else { return Ok(None) };
            next = subtree(&node);
            found = Some(node);
        }
        Ok(found)
    }

    /// The tree of the folder at a path below a root; `/` is the root.
    pub(crate) async fn find_folder(
        &self,
        root: Id,
        path: &str,
    ) -> Result<Option<Id>, RepositoryError> {
        if components(path).next().is_none() {
            return Ok(Some(root));
        }
        Ok(self.find(root, path).await?.as_ref().and_then(subtree))
    }

    /// Every tree below a root.
    ///
    /// # Errors
    /// As [`Self::list`], for the first tree that fails.
    #[tracing::instrument(skip_all, fields(root = %root.short()))]
    pub async fn load_trees(&self, root: Id) -> Result<TreeSet, RepositoryError> {
        if let Some(trees) = self.0.recent.get(root) {
            return Ok(trees);
        }
        let before = self.index().await?;
        let trees = match self.walk(root).await {
            Ok(trees) => trees,
            Err(error) => {
                self.follow_prune(&before, error).await?;
                self.walk(root).await?
            }
        };
        self.0.recent.put(&trees);
        Ok(trees)
    }

    /// Succeeds if trying again makes sense: a pack is not what the index
    /// said, and the index has changed meanwhile, so somebody pruned.
    async fn follow_prune(
        &self,
        before: &Arc<Index>,
        error: RepositoryError,
    ) -> Result<(), RepositoryError> {
        if !matches!(error, RepositoryError::PackDamaged { .. }) {
            return Err(error);
        }
        let after = self.reload_index().await?;
        if Arc::ptr_eq(before, &after) { Err(error) } else { Ok(()) }
    }

    async fn walk(&self, root: Id) -> Result<TreeSet, RepositoryError> {
        let mut packs = Packs { inner: Arc::clone(&self.0), held: HashMap::new() };
        let mut trees = HashMap::new();
        let mut seen = HashSet::from([root]);
        let mut wanted = vec![root];
        let mut reading = FuturesUnordered::new();
        loop {
            let located = self.locate_trees(&wanted).await?;
            wanted.clear();
            for share in shares(located) {
                let cells = packs.cells(&share);
                reading.push(read_trees(Arc::clone(&self.0), share, cells));
            }
            let Some(first) = reading.next().await else { break };
            let mut read = first?;
            // Whatever else is ready makes the next shares larger.
            while let Some(Some(more)) = reading.next().now_or_never() {
                read.extend(more?);
            }
            for (id, tree) in read {
                wanted.extend(tree.nodes.iter().filter_map(subtree).filter(|id| seen.insert(*id)));
                trees.insert(id, tree);
            }
        }
        tracing::debug!(trees = trees.len(), "trees loaded");
        Ok(TreeSet { root, trees })
    }

    /// Where trees lie. An index that does not know one may be out of date.
    async fn locate_trees(&self, trees: &[Id]) -> Result<Vec<Wanted>, RepositoryError> {
        if trees.is_empty() {
            return Ok(Vec::new());
        }
        let locate = |index: &Index| -> Result<Vec<Wanted>, Id> {
            trees
                .iter()
                .map(|id| match index.locate(BlobKind::Tree, id).collect::<Vec<_>>() {
                    places if places.is_empty() => Err(*id),
                    places => Ok((*id, places)),
                })
                .collect()
        };
        if let Ok(located) = locate(&*self.index().await?) {
            return Ok(located);
        }
        locate(&*self.reload_index().await?).map_err(|tree| RepositoryError::TreeDamaged {
            tree,
            problem: "no index knows where it lies".into(),
        })
    }
}

/// The trees that were loaded last: what is counted now is planned next, and
/// trees never change.
#[derive(Debug, Default)]
pub(crate) struct RecentTrees(Mutex<Option<TreeSet>>);

impl RecentTrees {
    fn get(&self, root: Id) -> Option<TreeSet> {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.as_ref().filter(|trees| trees.root == root).cloned()
    }

    fn put(&self, trees: &TreeSet) {
        let nodes: usize = trees.iter().map(|(_, tree)| tree.nodes.len()).sum();
        let kept = (nodes <= MAX_RECENT).then(|| trees.clone());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

/// A tree and everywhere it lies.
type Wanted = (Id, Vec<Located>);

/// Cuts work into what one thread does at a stretch, of one pack each.
fn shares(mut located: Vec<Wanted>) -> Vec<Vec<Wanted>> {
    let pack = |(_, places): &Wanted| places.first().map(|place| place.pack);
    located.sort_unstable_by_key(|wanted| {
        (pack(wanted), wanted.1.first().map(|place| place.blob.offset))
    });
    located
        .chunk_by(|a, b| pack(a) == pack(b))
        .flat_map(|of_one_pack| of_one_pack.chunks(SHARE))
        .map(<[Wanted]>::to_vec)
        .collect()
}

/// A pack's bytes, shared by all who need it at the time.
type PackCell = Arc<OnceCell<Bytes>>;

/// The packs that somebody needs right now, and how many are fetched and
/// decoded at once.
#[derive(Debug)]
pub(crate) struct PackReads {
    cells: Mutex<HashMap<Id, Weak<OnceCell<Bytes>>>>,
    requests: Semaphore,
    decoders: Semaphore,
}

impl Default for PackReads {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cells: Mutex::default(),
            requests: Semaphore::new(REQUESTS),
            decoders: Semaphore::new(cores),
        }
    }
}

/// The packs of one walk, held until it ends.
struct Packs {
    inner: Arc<Inner>,
    held: HashMap<Id, PackCell>,
}

impl Packs {
    fn cells(&mut self, wanted: &[Wanted]) -> HashMap<Id, PackCell> {
        wanted
            .iter()
            .flat_map(|(_, places)| places)
            .map(|place| {
                let cell = self.held.entry(place.pack).or_insert_with(|| {
                    let cells = &self.inner.packs.cells;
                    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
                    cells.retain(|_, cell| cell.strong_count() > 0);
                    cells.get(&place.pack).and_then(Weak::upgrade).unwrap_or_else(|| {
                        let cell = PackCell::default();
                        cells.insert(place.pack, Arc::downgrade(&cell));
                        cell
                    })
                });
                (place.pack, Arc::clone(cell))
            })
            .collect()
    }
}

/// Reads trees, each from the first of its packs that has it whole.
async fn read_trees(
    inner: Arc<Inner>,
    mut wanted: Vec<Wanted>,
    cells: HashMap<Id, PackCell>,
) -> Result<Vec<(Id, Arc<Tree>)>, RepositoryError> {
    let mut read = Vec::with_capacity(wanted.len());
    let mut attempt = 0;
    let mut failure: HashMap<Id, RepositoryError> = HashMap::new();
    while !wanted.is_empty() {
        let mut by_pack: HashMap<Id, Vec<Located>> = HashMap::new();
        for (id, places) in &wanted {
            let Some(place) = places.get(attempt) else {
                let error = failure.remove(id);
                return Err(error.unwrap_or_else(|| RepositoryError::internal("no place left")));
            };
            by_pack.entry(place.pack).or_default().push(*place);
        }
        for (pack, places) in by_pack {
            let Some(cell) = cells.get(&pack) else {
                return Err(RepositoryError::internal("a pack was not prepared"));
            };
            for (id, outcome) in inner.read_from_pack(pack, places, cell).await? {
                match outcome {
                    Ok(tree) => read.push((id, Arc::new(tree))),
                    Err(error) => {
                        failure.entry(id).or_insert(error);
                    }
                }
            }
        }
        let done: HashSet<Id> = read.iter().map(|(id, _)| *id).collect();
        wanted.retain(|(id, _)| !done.contains(id));
        attempt += 1;
    }
    Ok(read)
}

type TreeOutcome = (Id, Result<Tree, RepositoryError>);

impl Inner {
    /// Reads trees of one pack. What is damaged in the cache is fetched anew.
    async fn read_from_pack(
        self: &Arc<Self>,
        pack: Id,
        places: Vec<Located>,
        cell: &PackCell,
    ) -> Result<Vec<TreeOutcome>, RepositoryError> {
        let mut fetched = false;
        let bytes = cell
            .get_or_try_init(|| async {
                let inner = Arc::clone(self);
                if let Some(bytes) =
                    blocking(move || inner.cache.read(FileName::Pack(pack))).await?
                {
                    return Ok(bytes.into());
                }
                fetched = true;
                self.fetch_pack(pack).await
            })
            .await;
        let bytes = match bytes {
            Ok(bytes) => bytes.clone(),
            Err(error) => return all_failed(&places, error),
        };
        let mut outcomes = self.decode(pack, places.clone(), bytes).await?;
        let failed: HashSet<Id> =
            outcomes.iter().filter(|(_, tree)| tree.is_err()).map(|(id, _)| *id).collect();
        if failed.is_empty() || fetched {
            return Ok(outcomes);
        }

        let places: Vec<_> =
            places.into_iter().filter(|place| failed.contains(&place.blob.id)).collect();
        outcomes.retain(|(_, tree)| tree.is_ok());
        match self.fetch_pack(pack).await {
            Ok(bytes) => outcomes.extend(self.decode(pack, places, bytes).await?),
            Err(error) => outcomes.extend(all_failed(&places, error)?),
        }
        Ok(outcomes)
    }

    /// A pack from the store. Kept only if it is whole; what is whole in a
    /// damaged one is good all the same, since every tree is checked.
    #[tracing::instrument(skip_all, fields(pack = %pack.short()))]
    async fn fetch_pack(self: &Arc<Self>, pack: Id) -> Result<Bytes, RepositoryError> {
        let file = FileName::Pack(pack);
        let _permit = self.packs.requests.acquire().await.map_err(RepositoryError::internal)?;
        let bytes = self
            .store
            .get(file, MAX_PACK)
            .await?
            .ok_or_else(|| RepositoryError::damaged(file, "it is missing"))?;
        let inner = Arc::clone(self);
        blocking(move || {
            if Id::of(&bytes) == pack {
                inner.cache.write(file, &bytes);
            } else {
                inner.cache.remove(file);
                tracing::warn!(%file, "a pack's contents differ from its name");
            }
            bytes
        })
        .await
    }

    async fn decode(
        self: &Arc<Self>,
        pack: Id,
        places: Vec<Located>,
        bytes: Bytes,
    ) -> Result<Vec<TreeOutcome>, RepositoryError> {
        let inner = Arc::clone(self);
        let _permit = self.packs.decoders.acquire().await.map_err(RepositoryError::internal)?;
        blocking(move || {
            let file = FileName::Pack(pack);
            let decode = |place: &Located| {
                let blob = &place.blob;
                let from = blob.offset as usize;
                let sealed = bytes
                    .get(from..from + blob.length as usize)
                    .ok_or_else(|| RepositoryError::damaged(file, "it is cut off"))?;
                let mut sealed = sealed.to_vec();
                let contents = blob
                    .open(&inner.key, &mut sealed)
                    .map_err(|error| RepositoryError::of_contents(file, &error))?;
                let bad = |problem: String| RepositoryError::TreeDamaged { tree: blob.id, problem };
                let tree =
                    Tree::parse(&contents).map_err(|error| bad(format!("failed to {error}")))?;
                let is_bare = |node: &Node| node.kind == NodeKind::Dir && node.subtree.is_none();
                if tree.nodes.iter().any(is_bare) {
                    return Err(bad("a folder in it has no contents".into()));
                }
                Ok(tree)
            };
            places.iter().map(|place| (place.blob.id, decode(place))).collect()
        })
        .await
    }
}

/// A damaged pack fails its trees, which may lie elsewhere too; a store that
/// cannot be reached fails everything.
fn all_failed(
    places: &[Located],
    error: RepositoryError,
) -> Result<Vec<TreeOutcome>, RepositoryError> {
    if !matches!(error, RepositoryError::PackDamaged { .. }) {
        return Err(error);
    }
    Ok(places.iter().map(|place| (place.blob.id, Err(error.clone()))).collect())
}
