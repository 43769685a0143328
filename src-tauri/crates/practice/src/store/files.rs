//! Buckets as folders and objects as files, reached only through `cap-std`
//! handles: no key, no symbolic link and no bucket name leads out of the
//! store's root. All functions here block; callers run them off the runtime.
//!
//! An object appears at once and whole: it is written aside and renamed.
//! Files that other programs put into a bucket's folder are objects too.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use md5::{Digest, Md5};
use s3s::dto::{ETag, ETagCondition};
use s3s::path::check_bucket_name;
use s3s::{S3Error, S3Result, s3_error};

use super::key::Key;
use super::locked;

/// Read and written at once.
pub(super) const CHUNK: usize = 256 << 10;
/// Parts of an upload but the last are at least this big.
const SMALLEST_PART: u64 = 5 << 20;
/// Beside the buckets; no bucket's name begins with a dot.
const INCOMING: &str = ".incoming";

/// What is known of an object.
#[derive(Debug, Clone)]
pub(super) struct Stat {
    pub size: u64,
    pub modified: SystemTime,
    pub etag: ETag,
}

/// The object must be so, or nothing is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
}

/// The store's folder.
#[derive(Debug)]
pub(super) struct Files {
    root: Dir,
    incoming: Arc<Dir>,
    /// By bucket and key, valid as long as size and time are the file's.
    known: Mutex<HashMap<String, Stat>>,
    uploads: Mutex<HashMap<String, Upload>>,
    /// Held while names appear and vanish, so that checking a condition and
    /// writing are one step, and no folder is removed under a new file.
    naming: Mutex<()>,
}

#[derive(Debug)]
struct Upload {
    /// The object it becomes.
    of: String,
    parts: BTreeMap<i32, Part>,
}

/// One part of an upload.
#[derive(Debug)]
pub(super) struct Part {
    pub stat: Stat,
    aside: Aside,
}

impl Files {
    pub fn open(root: &std::path::Path) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let root = Dir::open_ambient_dir(root, ambient_authority())?;
        match root.remove_dir_all(INCOMING) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => root.create_dir(INCOMING)?,
        }
        let incoming = Arc::new(root.open_dir(INCOMING)?);
        Ok(Self {
            root,
            incoming,
            known: Mutex::default(),
            uploads: Mutex::default(),
            naming: Mutex::default(),
        })
    }

    pub fn create_bucket(&self, name: &str) -> S3Result<()> {
        if !check_bucket_name(name) {
            return Err(s3_error!(InvalidBucketName));
        }
        self.root.create_dir(name).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => s3_error!(BucketAlreadyOwnedByYou),
            _ => failed(error),
        })
    }

    pub fn buckets(&self) -> S3Result<Vec<(String, SystemTime)>> {
        let mut buckets = Vec::new();
        for entry in self.root.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if check_bucket_name(&name) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                buckets.push((
                    name,
                    entry.metadata().and_then(|stat| modified(&stat)).map_err(failed)?,
                ));
            }
        }
        buckets.sort();
        Ok(buckets)
    }

    pub fn bucket(&self, name: &str) -> S3Result<Dir> {
        if !check_bucket_name(name) {
            return Err(s3_error!(InvalidBucketName));
        }
        self.root.open_dir(name).map_err(|_| s3_error!(NoSuchBucket))
    }

    /// The object's file, read position 0.
    pub fn read(&self, bucket: &str, key: &Key) -> S3Result<(File, Stat)> {
        let dir = self.bucket(bucket)?;
        let (file, size, modified) = open(&dir, key).map_err(missing)?;
        self.describe(bucket, key.as_str(), file, size, modified).map_err(failed)
    }

    fn describe(
        &self,
        bucket: &str,
        key: &str,
        mut file: File,
        size: u64,
        modified: SystemTime,
    ) -> io::Result<(File, Stat)> {
        let name = full_name(bucket, key);
        if let Some(stat) = locked(&self.known).get(&name)
            && (stat.size, stat.modified) == (size, modified)
        {
            return Ok((file, stat.clone()));
        }
        let mut md5 = Md5::new();
        copy(&mut file, &mut io::sink(), &mut md5)?;
        file.rewind()?;
        let stat = Stat { size, modified, etag: etag(md5) };
        locked(&self.known).insert(name, stat.clone());
        Ok((file, stat))
    }

    /// For a listing: the file is known to exist, or was a moment ago.
    pub fn stat_in(&self, bucket: &str, dir: &Dir, key: &str, name: &str) -> io::Result<Stat> {
        let stat = dir.symlink_metadata(name)?;
        let (size, modified) = (stat.len(), modified(&stat)?);
        if let Some(stat) = locked(&self.known).get(&full_name(bucket, key))
            && (stat.size, stat.modified) == (size, modified)
        {
            return Ok(stat.clone());
        }
        let file = dir.open(name)?.into_std();
        Ok(self.describe(bucket, key, file, size, modified)?.1)
    }

    /// A new file beside the buckets.
    pub fn aside(&self) -> S3Result<(File, Aside)> {
        let name = format!("{:032x}", rand::random::<u128>());
        let options = OpenOptions::new().write(true).read(true).create_new(true).to_owned();
        let file = self.incoming.open_with(&name, &options).map_err(failed)?.into_std();
        Ok((file, Aside { dir: self.incoming.clone(), name }))
    }

    /// Gives a file that was written aside its place.
    pub fn place(
        &self,
        aside: &Aside,
        etag: ETag,
        bucket: &str,
        key: &Key,
        condition: &Condition,
    ) -> S3Result<Stat> {
        let dir = self.bucket(bucket)?;
        let _naming = locked(&self.naming);
        self.check(bucket, key, condition)?;
        if let Some(folder) = key.path().parent().filter(|path| !path.as_os_str().is_empty()) {
            dir.create_dir_all(folder).map_err(|error| in_the_way(error, key))?;
        }
        aside.dir.rename(&aside.name, &dir, key.path()).map_err(|error| in_the_way(error, key))?;
        let file = dir.symlink_metadata(key.path()).map_err(failed)?;
        let stat = Stat { size: file.len(), modified: modified(&file).map_err(failed)?, etag };
        locked(&self.known).insert(full_name(bucket, key.as_str()), stat.clone());
        Ok(stat)
    }

    fn check(&self, bucket: &str, key: &Key, condition: &Condition) -> S3Result<()> {
        if condition.if_match.is_none() && condition.if_none_match.is_none() {
            return Ok(());
        }
        let stat = match self.read(bucket, key) {
            Ok((_, stat)) => Some(stat),
            Err(error) if *error.code() == s3s::S3ErrorCode::NoSuchKey => None,
            Err(error) => return Err(error),
        };
        let is = |wanted: &ETagCondition| match (wanted, &stat) {
            (_, None) => false,
            (ETagCondition::Any, Some(_)) => true,
            (ETagCondition::ETag(etag), Some(stat)) => etag.value() == stat.etag.value(),
        };
        if condition.if_match.as_ref().is_some_and(|wanted| !is(wanted))
            || condition.if_none_match.as_ref().is_some_and(is)
        {
            return Err(s3_error!(PreconditionFailed));
        }
        Ok(())
    }

    /// Deletes the object, if there is one, and the folders it leaves empty.
    pub fn delete(&self, bucket: &str, key: &Key) -> S3Result<()> {
        let dir = self.bucket(bucket)?;
        let _naming = locked(&self.naming);
        locked(&self.known).remove(&full_name(bucket, key.as_str()));
        match dir.symlink_metadata(key.path()) {
            Ok(stat) if stat.is_dir() => return Ok(()),
            Ok(_) => dir.remove_file(key.path()).map_err(failed)?,
            Err(_) => return Ok(()),
        }
        for folder in key.path().ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()) {
            if dir.remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    pub fn copy(&self, from: (&str, &Key), to: (&str, &Key)) -> S3Result<Stat> {
        let (mut source, stat) = self.read(from.0, from.1)?;
        let (mut file, aside) = self.aside()?;
        io::copy(&mut source, &mut file).map_err(failed)?;
        self.place(&aside, stat.etag, to.0, to.1, &Condition::default())
    }

    pub fn begin_upload(&self, bucket: &str, key: &Key) -> S3Result<String> {
        self.bucket(bucket)?;
        let id = format!("{:032x}", rand::random::<u128>());
        let upload = Upload { of: full_name(bucket, key.as_str()), parts: BTreeMap::new() };
        locked(&self.uploads).insert(id.clone(), upload);
        Ok(id)
    }

    /// What `work` makes of the upload.
    fn upload<T>(
        &self,
        id: &str,
        bucket: &str,
        key: &Key,
        work: impl FnOnce(&mut Upload) -> T,
    ) -> S3Result<T> {
        match locked(&self.uploads).get_mut(id) {
            Some(upload) if upload.of == full_name(bucket, key.as_str()) => Ok(work(upload)),
            _ => Err(s3_error!(NoSuchUpload)),
        }
    }

    pub fn knows_upload(&self, id: &str, bucket: &str, key: &Key) -> S3Result<()> {
        self.upload(id, bucket, key, |_| ())
    }

    pub fn add_part(
        &self,
        id: &str,
        bucket: &str,
        key: &Key,
        (number, part): (i32, Part),
    ) -> S3Result<()> {
        self.upload(id, bucket, key, |upload| upload.parts.insert(number, part)).map(drop)
    }

    pub fn parts(&self, id: &str, bucket: &str, key: &Key) -> S3Result<Vec<(i32, Stat)>> {
        self.upload(id, bucket, key, |upload| {
            upload.parts.iter().map(|(number, part)| (*number, part.stat.clone())).collect()
        })
    }

    pub fn abort_upload(&self, id: &str, bucket: &str, key: &Key) -> S3Result<()> {
        self.knows_upload(id, bucket, key)?;
        locked(&self.uploads).remove(id);
        Ok(())
    }

    /// Makes an object of the parts named, in their order. Its `ETag` is the
    /// MD5 of its content, as that of every other object here.
    pub fn complete_upload(
        &self,
        id: &str,
        bucket: &str,
        key: &Key,
        wanted: &[(i32, Option<ETag>)],
        condition: &Condition,
    ) -> S3Result<Stat> {
        let sources = self.upload(id, bucket, key, |upload| upload.sources(wanted))??;
        let (mut whole, aside) = self.aside()?;
        let mut md5 = Md5::new();
        for mut source in sources {
            source
                .rewind()
                .and_then(|()| copy(&mut source, &mut whole, &mut md5))
                .map_err(failed)?;
        }
        let stat = self.place(&aside, etag(md5), bucket, key, condition)?;
        locked(&self.uploads).remove(id);
        Ok(stat)
    }
}

impl Upload {
    fn sources(&self, wanted: &[(i32, Option<ETag>)]) -> S3Result<Vec<File>> {
        if wanted.is_empty() {
            return Err(s3_error!(MalformedXML, "an upload has at least one part"));
        }
        if !wanted.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(s3_error!(InvalidPartOrder));
        }
        let last = wanted.len() - 1;
        let source = |(place, (number, etag)): (usize, &(i32, Option<ETag>))| {
            let part = self.parts.get(number).ok_or_else(|| s3_error!(InvalidPart))?;
            if etag.as_ref().is_some_and(|etag| etag.value() != part.stat.etag.value()) {
                return Err(s3_error!(InvalidPart));
            }
            if place < last && part.stat.size < SMALLEST_PART {
                return Err(s3_error!(EntityTooSmall));
            }
            part.aside.dir.open(&part.aside.name).map(cap_std::fs::File::into_std).map_err(failed)
        };
        wanted.iter().enumerate().map(source).collect()
    }
}

/// A file that has no place yet; it vanishes with this unless it was given one.
#[derive(Debug)]
pub(super) struct Aside {
    dir: Arc<Dir>,
    name: String,
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Gone already when it was given its place.
        let _ = self.dir.remove_file(&self.name);
    }
}

/// An upload's bytes on their way into a file.
#[derive(Debug)]
pub(super) struct Receiver {
    file: File,
    aside: Aside,
    md5: Md5,
    size: u64,
}

impl Receiver {
    pub fn new(files: &Files) -> S3Result<Self> {
        let (file, aside) = files.aside()?;
        Ok(Self { file, aside, md5: Md5::new(), size: 0 })
    }

    pub fn write(&mut self, bytes: &[u8]) -> S3Result<()> {
        self.md5.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).map_err(failed)
    }

    /// # Errors
    /// `BadDigest` when the client said another `Content-MD5`, in base64.
    pub fn finish(self, expected_md5: Option<&str>) -> S3Result<Part> {
        use base64::Engine;
        let digest = self.md5.clone().finalize();
        if expected_md5
            .is_some_and(|text| text != base64::engine::general_purpose::STANDARD.encode(digest))
        {
            return Err(s3_error!(BadDigest));
        }
        let modified = self.file.metadata().and_then(|stat| stat.modified()).map_err(failed)?;
        let stat = Stat { size: self.size, modified, etag: etag(self.md5) };
        Ok(Part { stat, aside: self.aside })
    }
}

impl Part {
    /// Gives the file its place as an object of its own.
    pub fn place(
        &self,
        files: &Files,
        bucket: &str,
        key: &Key,
        condition: &Condition,
    ) -> S3Result<Stat> {
        files.place(&self.aside, self.stat.etag.clone(), bucket, key, condition)
    }
}

fn open(dir: &Dir, key: &Key) -> io::Result<(File, u64, SystemTime)> {
    // Looked at before it is opened: opening a pipe would wait for ever.
    if !dir.symlink_metadata(key.path())?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = dir.open(key.path())?.into_std();
    let stat = file.metadata()?;
    Ok((file, stat.len(), stat.modified()?))
}

fn copy(from: &mut File, to: &mut impl Write, md5: &mut Md5) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        md5.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
    }
}

fn etag(md5: Md5) -> ETag {
    ETag::Strong(format!("{:x}", Bytes::copy_from_slice(&md5.finalize())))
}

fn full_name(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}

fn modified(stat: &cap_std::fs::Metadata) -> io::Result<SystemTime> {
    stat.modified().map(cap_std::time::SystemTime::into_std)
}

pub(super) fn failed(error: io::Error) -> S3Error {
    S3Error::internal_error(error)
}

/// A link that leads out is as good as nothing; `cap-std` says "permission".
fn missing(error: io::Error) -> S3Error {
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::PermissionDenied => s3_error!(NoSuchKey),
        _ => failed(error),
    }
}

fn in_the_way(error: io::Error, key: &Key) -> S3Error {
    match error.kind() {
        io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::DirectoryNotEmpty
        | io::ErrorKind::PermissionDenied => s3_error!(
            InvalidRequest,
            "this store keeps objects as files, and another one is in the way of {}",
            key.as_str()
        ),
        io::ErrorKind::InvalidFilename => s3_error!(KeyTooLongError),
        _ => failed(error),
    }
}
