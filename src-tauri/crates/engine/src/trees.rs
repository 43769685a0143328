//! Looking into a snapshot, one folder at a time.

use model::{
    AppError, At, Code, SnapshotId, SnapshotSelector, TreeCount, TreeEntry, TreeEntryKind, clean,
    path_bytes, path_text,
};
use restic::{Id, Node, NodeKind, Time};

use crate::context::repository_error;
use crate::handle::Handle;

/// Longest target of a link that is shown.
const TARGET: usize = 400;

impl Handle {
    /// What lies in one folder of a snapshot: folders first, then by name.
    ///
    /// # Errors
    /// There is no such snapshot or folder, or the repository cannot be read.
    pub async fn snapshot_tree(
        &self,
        snapshot: &SnapshotId,
        folder: &str,
    ) -> Result<Vec<TreeEntry>, AppError> {
        let repository = self.context().repository().await?;
        let selector = SnapshotSelector::Id { prefix: snapshot.to_string(), folder: None };
        let resolved = repository.resolve(&selector, "", &[]).await.map_err(repository_error)?;
        let folder = path_bytes(folder);
        let mut tree = resolved.root;
        for name in folder.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            let parent = repository.list(tree).await.map_err(repository_error)?;
            let next: Option<Id> = parent.find(name).and_then(|node| node.subtree);
            tree = next.ok_or_else(|| {
                let details = format!("the snapshot has no folder {}", path_text(&folder));
                AppError::new(Code::SnapshotMissing, details)
            })?;
        }
        let tree = repository.list(tree).await.map_err(repository_error)?;
        let mut entries: Vec<TreeEntry> =
            tree.nodes.iter().map(|node| entry(&folder, node)).collect();
        entries.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        Ok(entries)
    }

    /// What each of these entries of a snapshot brings by itself.
    ///
    /// # Errors
    /// As [`Handle::count_entries`].
    pub async fn count_each(
        &self,
        snapshot: &SnapshotId,
        paths: Vec<String>,
    ) -> Result<Vec<TreeCount>, AppError> {
        let repository = self.context().repository().await?;
        let selector = SnapshotSelector::Id { prefix: snapshot.to_string(), folder: None };
        let resolved = repository.resolve(&selector, "", &[]).await.map_err(repository_error)?;
        let trees = repository.load_trees(resolved.root).await.map_err(repository_error)?;
        let counted = tokio::task::spawn_blocking(move || {
            paths
                .into_iter()
                .map(|path| {
                    let counts = trees.counts(&[path]).map_err(repository_error)?;
                    Ok(TreeCount { files: counts.critical_files, bytes: counts.critical_bytes })
                })
                .collect()
        });
        counted
            .await
            .map_err(|error| AppError::new(Code::Internal, format!("count files: {error}")))?
    }

    /// What these entries of a snapshot, and everything below them, bring; all
    /// of it where none is named.
    ///
    /// # Errors
    /// There is no such snapshot or entry, or the repository cannot be read.
    pub async fn count_entries(
        &self,
        snapshot: &SnapshotId,
        paths: &[String],
    ) -> Result<TreeCount, AppError> {
        let repository = self.context().repository().await?;
        let selector = SnapshotSelector::Id { prefix: snapshot.to_string(), folder: None };
        let resolved = repository.resolve(&selector, "", &[]).await.map_err(repository_error)?;
        let counts = repository.counts(resolved.root, paths).await.map_err(repository_error)?;
        Ok(TreeCount { files: counts.critical_files, bytes: counts.critical_bytes })
    }
}

fn entry(folder: &[u8], node: &Node) -> TreeEntry {
    let name = node.name.as_bytes();
    let mut path = folder.strip_suffix(b"/").unwrap_or(folder).to_vec();
    path.push(b'/');
    path.extend_from_slice(name);
    let kind = match node.kind {
        NodeKind::Dir => TreeEntryKind::Folder,
        NodeKind::File => TreeEntryKind::File,
        NodeKind::Symlink => TreeEntryKind::Link,
        _ => TreeEntryKind::Other,
    };
    TreeEntry {
        name: path_text(name),
        path: path_text(&path),
        kind,
        bytes: (kind == TreeEntryKind::File).then_some(node.size),
        modified: (node.modified != Time::ZERO).then(|| At::from_unix_ms(node.modified.unix_ms())),
        mode: node.mode.permissions(),
        target: (kind == TreeEntryKind::Link)
            .then(|| clean(&String::from_utf8_lossy(node.link_target.as_bytes()), TARGET)),
    }
}
