//! Listings: a bucket's folder walked in the order of keys, one page at a time.

use std::io;

use cap_std::fs::Dir;
use s3s::S3Result;

use super::files::{Files, Stat, failed};
use super::key::Key;

/// Which keys.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub prefix: String,
    pub delimiter: Option<String>,
    /// Only what comes after this key; where this is a common prefix, after
    /// everything that begins with it.
    pub after: String,
    /// At most so many keys and common prefixes.
    pub limit: usize,
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub objects: Vec<(String, Stat)>,
    pub prefixes: Vec<String>,
    /// The last entry of a page that is not the last page.
    pub next: Option<String>,
    last: String,
}

struct Walk<'a> {
    files: &'a Files,
    bucket: &'a str,
    query: &'a Query,
    page: Page,
}

/// Why a walk ends before the last key.
enum Stop {
    Full,
    Failed(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Files {
    pub fn list(&self, bucket: &str, query: &Query) -> S3Result<Page> {
        let dir = self.bucket(bucket)?;
        let mut walk = Walk { files: self, bucket, query, page: Page::default() };
        let base = query.prefix.rfind('/').map_or("", |slash| &query.prefix[..=slash]);
        let start = match base.strip_suffix('/') {
            None => dir,
            Some(folder) => match Key::parse(folder).map(|key| dir.open_dir(key.path())) {
                Ok(Ok(dir)) => dir,
                // No key begins like this.
                _ => return Ok(walk.page),
            },
        };
        if query.limit > 0 {
            match walk.folder(&start, base) {
                Ok(()) => {}
                Err(Stop::Full) => walk.page.next = Some(std::mem::take(&mut walk.page.last)),
                Err(Stop::Failed(error)) => return Err(failed(error)),
            }
        }
        Ok(walk.page)
    }
}

impl Walk<'_> {
    fn folder(&mut self, dir: &Dir, base: &str) -> Result<(), Stop> {
        for (name, is_folder) in entries(dir)? {
            let key = format!("{base}{name}");
            match name.strip_suffix('/').filter(|_| is_folder) {
                Some(name) => self.subfolder(dir, name, &key)?,
                None => self.file(dir, &name, key)?,
            }
        }
        Ok(())
    }

    fn subfolder(&mut self, dir: &Dir, name: &str, key: &str) -> Result<(), Stop> {
        let Query { prefix, after, delimiter, .. } = self.query;
        let fits = key.starts_with(prefix.as_str()) || prefix.starts_with(key);
        let passed = after.as_str() > key && !after.starts_with(key);
        if !fits || passed {
            return Ok(());
        }
        let Ok(folder) = dir.open_dir(name) else { return Ok(()) };
        if delimiter.as_deref() != Some("/") || key.len() <= prefix.len() {
            return self.folder(&folder, key);
        }
        if after == key || !has_key_after(&folder, key, after)? {
            return Ok(());
        }
        self.add_prefix(key.to_owned())
    }

    fn file(&mut self, dir: &Dir, name: &str, key: String) -> Result<(), Stop> {
        let Query { prefix, after, delimiter, limit } = self.query;
        let Some(rest) = key.strip_prefix(prefix.as_str()).filter(|_| *after < key) else {
            return Ok(());
        };
        if let Some(delimiter) = delimiter.as_deref().filter(|text| !text.is_empty())
            && let Some(at) = rest.find(delimiter)
        {
            let common = &key[..prefix.len() + at + delimiter.len()];
            if common == after || self.page.prefixes.last().is_some_and(|last| last == common) {
                return Ok(());
            }
            return self.add_prefix(common.to_owned());
        }
        if self.page.count() == *limit {
            return Err(Stop::Full);
        }
        // A file that vanished since the folder was read is not listed.
        if let Ok(stat) = self.files.stat_in(self.bucket, dir, &key, name) {
            self.page.last.clone_from(&key);
            self.page.objects.push((key, stat));
        }
        Ok(())
    }

    fn add_prefix(&mut self, prefix: String) -> Result<(), Stop> {
        if self.page.count() == self.query.limit {
            return Err(Stop::Full);
        }
        self.page.last.clone_from(&prefix);
        self.page.prefixes.push(prefix);
        Ok(())
    }
}

impl Page {
    pub fn count(&self) -> usize {
        self.objects.len() + self.prefixes.len()
    }
}

/// Names in the order of the keys they make, folders with a slash at the end.
/// Links, pipes and names that are no text are no objects.
fn entries(dir: &Dir) -> io::Result<Vec<(String, bool)>> {
    let mut entries = Vec::new();
    for entry in dir.entries()? {
        let entry = entry?;
        let Ok(mut name) = entry.file_name().into_string() else { continue };
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            name.push('/');
            entries.push((name, true));
        } else if kind.is_file() {
            entries.push((name, false));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

/// A folder without any file in it is not there, as far as keys go.
fn has_key_after(dir: &Dir, base: &str, after: &str) -> io::Result<bool> {
    for (name, is_folder) in entries(dir)? {
        let key = format!("{base}{name}");
        let found = match name.strip_suffix('/').filter(|_| is_folder) {
            None => key.as_str() > after,
            Some(_) if after > key.as_str() && !after.starts_with(&key) => false,
            Some(name) => match dir.open_dir(name) {
                Ok(folder) => has_key_after(&folder, &key, after)?,
                Err(_) => false,
            },
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn files(keys: &[&str]) -> (tempfile::TempDir, Files) {
        let root = tempfile::tempdir().unwrap();
        let files = Files::open(root.path()).unwrap();
        files.create_bucket("bucket").unwrap();
        for key in keys {
            let path = root.path().join("bucket").join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, key).unwrap();
        }
        (root, files)
    }

    /// What the definition says, from a plain list of keys.
    fn expected(keys: &BTreeSet<&str>, query: &Query) -> Vec<String> {
        let mut items = BTreeSet::new();
        for key in keys.iter().filter(|key| key.starts_with(&query.prefix)) {
            let rest = &key[query.prefix.len()..];
            let common = query.delimiter.as_ref().and_then(|delimiter| {
                let at = rest.find(delimiter.as_str())?;
                Some(&key[..query.prefix.len() + at + delimiter.len()])
            });
            if **key > *query.after && common != Some(&query.after) {
                items.insert(common.unwrap_or(key).to_owned());
            }
        }
        items.into_iter().collect()
    }

    #[test]
    fn pages_follow_the_definition() {
        let keys = [
            "a",
            "a-b",
            "a.txt",
            "b/a",
            "b/b/c",
            "b/b/d",
            "b-c/x",
            "b.d",
            "c/d/e/f",
            "c/d-e",
            "é/1",
            "data/00/1",
            "data/00/2",
            "data/01/1",
            "data/ff/9",
            "keys/k",
            "snapshots/s-1",
            "z-1-2",
        ];
        let (root, files) = files(&keys);
        std::fs::create_dir_all(root.path().join("bucket/empty/folder")).unwrap();
        let keys: BTreeSet<&str> = keys.into();
        let starts: Vec<String> = keys
            .iter()
            .flat_map(|key| [*key, &key[..1.min(key.find(|c: char| !c.is_ascii()).unwrap_or(1))]])
            .chain(["", "b/", "b/b", "b/b/", "data/", "data/0", "c/d", "empty/", "no/such", "zz"])
            .map(str::to_owned)
            .collect();
        for prefix in &starts {
            for delimiter in [None, Some("/"), Some("-")] {
                for after in &starts {
                    for limit in [1, 2, 1000] {
                        let mut query = Query {
                            prefix: prefix.clone(),
                            delimiter: delimiter.map(Into::into),
                            after: after.clone(),
                            limit,
                        };
                        let wanted = expected(&keys, &query);
                        let mut got = Vec::new();
                        loop {
                            let page = files.list("bucket", &query).unwrap();
                            assert!(page.count() <= limit);
                            let mut items: Vec<_> =
                                page.objects.into_iter().map(|(key, _)| key).collect();
                            items.extend(page.prefixes);
                            items.sort();
                            got.extend(items);
                            match page.next {
                                Some(next) => query.after = next,
                                None => break,
                            }
                        }
                        assert_eq!(got, wanted, "{prefix:?} {delimiter:?} {after:?} {limit}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_page_of_nothing_is_the_last() {
        let (_root, files) = files(&["a"]);
        let page = files.list("bucket", &Query::default()).unwrap();
        assert!(page.count() == 0 && page.next.is_none());
    }
}
