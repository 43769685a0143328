//! Stock restic for machines whose image has none: its makers' static builds,
//! fetched once and checked against hashes that stand here, or this computer's
//! own program where a machine can run that.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clouds::{Http, Timeout};
use http::{Method, Request, StatusCode, header};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tracing::{debug, warn};

use super::carried::{Carried, pack};

/// A release of restic for one architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// `uname -m` of the machines it runs on.
    pub arch: &'static str,
    /// Where it lies below the source.
    pub path: &'static str,
    /// What the packed file hashes to, as its makers publish it.
    pub sha256: &'static str,
}

/// The pinned ones.
pub const RELEASES: [Release; 2] = [
    Release {
        arch: "x86_64",
        path: "v0.19.1/restic_0.19.1_linux_amd64.bz2",
        sha256: "f415415624dcc452f2a02b8c33641791a8c6d6d3b65bbb3543fcf9a25151585c",
    },
    Release {
        arch: "aarch64",
        path: "v0.19.1/restic_0.19.1_linux_arm64.bz2",
        sha256: "a5f64aaab53d51e311fa3829124c5b703f2d14cf187d8640b6be3b2b49376465",
    },
];
/// Where its makers publish them.
pub const SOURCE: &str = "https://github.com/restic/restic/releases/download";

const FETCH_LIMIT: Duration = Duration::from_mins(2);
const REDIRECTS: usize = 5;
/// No restic unpacks to more.
const PROGRAM_LIMIT: u64 = 128 << 20;

/// Where stock restic comes from.
#[derive(Debug, Default)]
pub struct Stock {
    source: Option<Source>,
    known: Mutex<Vec<(String, Arc<StockRestic>)>>,
}

#[derive(Debug)]
struct Source {
    folder: PathBuf,
    base: String,
    releases: Vec<Release>,
    http: Arc<dyn Http>,
}

/// A restic that can be sent to a machine.
#[derive(Debug, Clone)]
pub(crate) struct StockRestic {
    pub(crate) carried: Carried,
    /// The oldest glibc it runs with; absent for a static program.
    glibc: Option<(u32, u32)>,
}

impl StockRestic {
    /// It runs whatever C library a machine has.
    pub(crate) const fn is_static(&self) -> bool {
        self.glibc.is_none()
    }

    /// Why a machine with this C library cannot run it.
    pub(crate) fn refused_by(&self, libc: Option<&str>) -> Option<String> {
        let (major, minor) = self.glibc?;
        let there = libc.and_then(|libc| version(libc.strip_prefix("glibc ")?));
        if there.is_some_and(|there| there >= (major, minor)) {
            return None;
        }
        let has = libc.unwrap_or("an unknown C library");
        Some(format!("this computer's restic needs glibc {major}.{minor}, the image has {has}"))
    }
}

impl Stock {
    /// Releases below `base`, kept in `folder` once they were fetched.
    #[must_use]
    pub fn new(folder: PathBuf, base: String, releases: Vec<Release>, http: Arc<dyn Http>) -> Self {
        let source = Some(Source { folder, base, releases, http });
        Self { source, known: Mutex::default() }
    }

    /// The one for such machines that needs no fetching.
    pub(crate) async fn at_hand(&self, arch: &str) -> Option<Arc<StockRestic>> {
        self.find(arch, false).await.ok()
    }

    /// The one for such machines, fetched if need be.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn get(&self, arch: &str) -> Result<Arc<StockRestic>, String> {
        self.find(arch, true).await
    }

    async fn find(&self, arch: &str, fetching: bool) -> Result<Arc<StockRestic>, String> {
        // Held while fetching, so that two askers do not fetch twice.
        let mut known = self.known.lock().await;
        if let Some((_, stock)) = known.iter().find(|(of, _)| of == arch) {
            return Ok(Arc::clone(stock));
        }
        let stock = match self.released(arch, fetching).await {
            Ok(stock) => stock,
            // The release is tried again the next time.
            Err(why) => {
                let own = self.own(arch).await;
                return own.map(Arc::new).ok_or(why);
            }
        };
        let stock = Arc::new(stock);
        known.push((arch.to_owned(), Arc::clone(&stock)));
        Ok(stock)
    }

    async fn released(&self, arch: &str, fetching: bool) -> Result<StockRestic, String> {
        let source = self.source.as_ref().ok_or("restic's releases are not looked for here")?;
        let release = source.releases.iter().find(|release| release.arch == arch);
        let release = release.ok_or_else(|| format!("no release of restic runs on {arch}"))?;
        let file = source.folder.join(format!("restic-{}.bz2", release.sha256));
        let kept = tokio::fs::read(&file).await.ok().map(Bytes::from);
        let packed = match kept.filter(|packed| hash(packed) == release.sha256) {
            Some(packed) => packed,
            None if !fetching => return Err("restic's release was not fetched yet".to_owned()),
            None => {
                let packed = source.fetch(release).await?;
                if let Err(error) = keep(&source.folder, &file, &packed).await {
                    warn!(%error, "restic's release could not be kept");
                }
                packed
            }
        };
        let unpacked = tokio::task::spawn_blocking(move || unpack(&packed)).await;
        let carried = unpacked
            .map_err(|error| error.to_string())?
            .map_err(|error| format!("unpack restic's release: {error}"))?;
        Ok(StockRestic { carried, glibc: None })
    }

    /// This computer's own, where such machines could run it.
    async fn own(&self, arch: &str) -> Option<StockRestic> {
        if !cfg!(target_os = "linux") || arch != std::env::consts::ARCH {
            return None;
        }
        let path = std::env::var_os("PATH")?;
        let reading = tokio::task::spawn_blocking(move || {
            let program = std::env::split_paths(&path)
                .filter(|folder| folder.is_absolute())
                .find_map(|folder| std::fs::read(folder.join("restic")).ok())?;
            // A script would not come along with what it calls.
            program.starts_with(b"\x7fELF").then(|| {
                let glibc = needed_glibc(&program);
                StockRestic { carried: pack(program.into()), glibc }
            })
        });
        reading.await.ok()?
    }
}

impl Source {
    async fn fetch(&self, release: &Release) -> Result<Bytes, String> {
        let mut url = format!("{}/{}", self.base, release.path);
        for _ in 0..REDIRECTS {
            let mut request = Request::builder()
                .method(Method::GET)
                .uri(&url)
                .body(Bytes::new())
                .map_err(|error| format!("fetch restic's release: {error}"))?;
            request.extensions_mut().insert(Timeout(FETCH_LIMIT));
            let response = self.http.send(request).await;
            let response = response.map_err(|error| format!("fetch restic's release: {error}"))?;
            let status = response.status();
            if status == StatusCode::OK {
                let packed = response.into_body();
                return if hash(&packed) == release.sha256 {
                    debug!(arch = release.arch, "restic's release was fetched");
                    Ok(packed)
                } else {
                    Err("restic's release is not the one that is pinned".to_owned())
                };
            }
            let next = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            match next {
                // Its hash is known, so wherever it comes from will do.
                Some(next) if status.is_redirection() => next.clone_into(&mut url),
                _ => return Err(format!("fetch restic's release: HTTP {status}")),
            }
        }
        Err("fetch restic's release: it is redirected without end".to_owned())
    }
}

async fn keep(folder: &Path, file: &Path, packed: &Bytes) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let half = file.with_extension("new");
    tokio::fs::write(&half, packed).await?;
    tokio::fs::rename(half, file).await
}

fn unpack(packed: &[u8]) -> std::io::Result<Carried> {
    use std::io::Read as _;
    let mut program = Vec::new();
    let unpacking = bzip2::read::BzDecoder::new(packed);
    unpacking.take(PROGRAM_LIMIT).read_to_end(&mut program)?;
    Ok(pack(program.into()))
}

fn hash(bytes: &[u8]) -> String {
    format!("{:x}", Bytes::copy_from_slice(&Sha256::digest(bytes)))
}

/// The newest version of glibc's symbols that a program names, if it is linked
/// with it while it runs.
fn needed_glibc(program: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"GLIBC_";
    let named = program.windows(MARK.len()).enumerate().filter(|(_, at)| *at == MARK);
    named
        .filter_map(|(at, _)| {
            let text = program.get(at + MARK.len()..)?;
            let text = &text[..text.len().min(16)];
            version(text.split(|byte| *byte == 0).next().and_then(|t| str::from_utf8(t).ok())?)
        })
        .max()
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use clouds::HttpError;
    use http::Response;

    use super::*;

    /// Answers by path.
    #[derive(Debug, Default)]
    struct Shelf {
        answers: BTreeMap<&'static str, (u16, &'static str, Vec<u8>)>,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Http for Shelf {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let (status, location, body) =
                self.answers.get(request.uri().path()).cloned().unwrap_or((404, "", Vec::new()));
            let response = Response::builder().status(status).header(header::LOCATION, location);
            Ok(response.body(body.into()).unwrap())
        }
    }

    fn bz2(content: &[u8]) -> Vec<u8> {
        let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        packer.write_all(content).unwrap();
        packer.finish().unwrap()
    }

    fn release(packed: &[u8]) -> Release {
        let sha256 = Box::leak(hash(packed).into_boxed_str());
        // An architecture that no computer has: its own restic is out of reach.
        Release { arch: "test", path: "v1/restic.bz2", sha256 }
    }

    #[tokio::test]
    async fn a_release_is_fetched_once_checked_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let packed = bz2(b"a program");
        let shelf = Arc::new(Shelf {
            answers: BTreeMap::from([
                ("/v1/restic.bz2", (302, "http://127.0.0.1/elsewhere", Vec::new())),
                ("/elsewhere", (200, "", packed.clone())),
            ]),
            asked: AtomicUsize::new(0),
        });
        let stock = |shelf: &Arc<Shelf>| {
            let http: Arc<dyn Http> = Arc::<Shelf>::clone(shelf);
            let base = "http://127.0.0.1".to_owned();
            Stock::new(folder.path().join("tools"), base, vec![release(&packed)], http)
        };
        let first = stock(&shelf);
        assert!(first.at_hand("test").await.is_none());
        let restic = first.get("test").await.unwrap();
        assert_eq!(restic.carried.program, b"a program".as_slice());
        assert_eq!(restic.carried.sha256, hash(b"a program"));
        assert!(first.at_hand("test").await.is_some());
        assert_eq!(shelf.asked.load(Ordering::Relaxed), 2);

        let second = stock(&shelf);
        assert!(second.at_hand("test").await.is_some(), "it was kept");
        assert_eq!(shelf.asked.load(Ordering::Relaxed), 2);

        // What lies there and is not it does not count.
        let file = std::fs::read_dir(folder.path().join("tools")).unwrap().next().unwrap();
        std::fs::write(file.unwrap().path(), b"something else").unwrap();
        let third = stock(&shelf);
        assert!(third.at_hand("test").await.is_none());
        third.get("test").await.unwrap();
        assert!(third.get("mips").await.unwrap_err().contains("mips"));
    }

    #[tokio::test]
    async fn what_is_not_the_pinned_release_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pinned = release(&bz2(b"a program"));
        for (answer, words) in [
            ((200, "", bz2(b"another program")), "pinned"),
            ((404, "", Vec::new()), "404"),
            ((302, "http://127.0.0.1/v1/restic.bz2", Vec::new()), "without end"),
        ] {
            let answers = BTreeMap::from([("/v1/restic.bz2", answer)]);
            let shelf = Arc::new(Shelf { answers, asked: AtomicUsize::new(0) });
            let base = "http://127.0.0.1".to_owned();
            let stock = Stock::new(folder.path().to_owned(), base, vec![pinned], shelf);
            let why = stock.get("test").await.unwrap_err();
            assert!(why.contains(words), "{why}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_program_tells_the_glibc_it_needs() {
        let program = b"\x7fELF..GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0";
        let glibc = needed_glibc(program);
        assert_eq!(glibc, Some((2, 34)));
        assert_eq!(needed_glibc(b"\x7fELF static"), None);
        let restic = StockRestic { carried: pack(Bytes::new()), glibc };
        for (libc, runs) in [
            (Some("glibc 2.36"), true),
            (Some("glibc 2.34"), true),
            (Some("glibc 2.31"), false),
            (Some("musl"), false),
            (None, false),
        ] {
            assert_eq!(restic.refused_by(libc).is_none(), runs, "{libc:?}");
        }
        let fixed = StockRestic { carried: pack(Bytes::new()), glibc: None };
        assert_eq!(fixed.refused_by(None), None);
    }
}
