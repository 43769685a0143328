//! Sections of files: ranges, their blobs, and the files these belong to.
//! Numbers of one meaning stand together, which compresses best.

use std::collections::HashMap;
use std::num::NonZeroU32;

use restic::{Id, Key, OVERHEAD};

use super::seal::Piece;
use super::wire::{Reader, Writer};
use super::{
    Attributes, Blob, File, FileKind, Folder, Lost, MAX_BLOB, MAX_BLOBS, MAX_FILES, MAX_RANGE,
    MAX_TARGETS, Moment, Place, PlanError, Range, Spare, Target, Xattr, is_name,
};

/// No path is longer, in bytes.
const MAX_PATH: usize = 1 << 16;
/// No more folders than this in a section.
const MAX_FOLDERS: usize = 1 << 18;
/// No more bytes than this in the paths of a section's folders, which are
/// told shorter than they are.
const MAX_PATHS: usize = 32 << 20;

/// Some ranges, and all that is to know of the files in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The folders that the files lie in, each after the one it lies in.
    pub folders: Vec<Folder>,
    /// The files that a blob in the ranges belongs to, and files without any.
    pub files: Vec<File>,
    /// What is read, in the order of its importance.
    pub ranges: Vec<Range>,
}

impl Section {
    /// Seals the section in its place; the header's is 0.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(&self, key: &Key, place: u32, is_last: bool) -> Result<Vec<u8>, restic::Error> {
        self.encode().seal(key, place, is_last)
    }

    /// Opens the section of this place.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn open(key: &Key, place: u32, is_last: bool, sealed: &[u8]) -> Result<Self, PlanError> {
        let piece = Piece::open(key, place, is_last, sealed)?;
        Self::parse(&piece.text.0, &piece.noise)
    }

    pub(super) fn encode(&self) -> Piece {
        let mut piece = Piece::default();
        let mut owners = Owners::default();
        let folder_owners: Vec<_> = self
            .folders
            .iter()
            .map(|folder| owners.number(folder.mode, folder.uid, folder.gid))
            .collect();
        let attributes: Vec<_> = self.files.iter().map(|file| &file.attributes).collect();
        let file_owners: Vec<_> = attributes.iter().map(|one| owners.number_of(one)).collect();
        let out = &mut piece.text;
        owners.put(out);
        self.put_folders(out, &folder_owners);
        self.put_files(out);
        put_attributes(out, &attributes, &file_owners);
        self.put_ranges(&mut piece);
        piece
    }

    fn put_folders(&self, out: &mut Writer, owners: &[u64]) {
        out.number(self.folders.len() as u64);
        // A path is told by what it shares with the one before.
        let mut before: &[u8] = b"";
        for folder in &self.folders {
            let shared = before.iter().zip(&*folder.path).take_while(|(a, b)| a == b).count();
            out.number(shared as u64);
            out.bytes(&folder.path[shared..]);
            before = &folder.path;
        }
        for owner in owners {
            out.number(*owner);
        }
    }

    fn put_files(&self, out: &mut Writer) {
        let files = &self.files;
        out.number(files.len() as u64);
        let mut before = 0;
        for file in files {
            let folder = i64::from(file.place.folder);
            out.signed(folder - before);
            before = folder;
        }
        for file in files {
            out.bytes(&file.place.name);
        }
        for file in files {
            let kind = match file.kind {
                FileKind::Regular { shared: None, .. } => 0,
                FileKind::Regular { shared: Some(_), .. } => 1,
                FileKind::Symlink(_) => 2,
                FileKind::Fifo => 3,
                FileKind::CharDevice(_) => 4,
                FileKind::BlockDevice(_) => 5,
                FileKind::Lost(Lost::BlobUnknown) => 6,
                FileKind::Lost(Lost::ContentsMissing) => 7,
                FileKind::Lost(Lost::BlobTooLong) => 8,
                FileKind::Lost(Lost::KindUnknown) => 9,
            };
            out.number(kind << 1 | u64::from(file.is_critical));
        }
        for file in files {
            match &file.kind {
                FileKind::Regular { size, writes, shared } => {
                    out.number(*size);
                    out.number((*writes).into());
                    if let Some(shared) = shared {
                        out.number(shared.get().into());
                    }
                }
                FileKind::Symlink(target) => out.bytes(target),
                FileKind::CharDevice(number) | FileKind::BlockDevice(number) => {
                    out.number(*number);
                }
                FileKind::Fifo | FileKind::Lost(_) => {}
            }
        }
        let mut before = 0;
        for file in files {
            out.signed(i64::from(file.group) - before);
            before = file.group.into();
        }
        for file in files {
            out.number(file.links.len() as u64);
        }
        for link in files.iter().flat_map(|file| &file.links) {
            out.number(link.folder.into());
            out.bytes(&link.name);
        }
    }

    fn put_ranges(&self, piece: &mut Piece) {
        let out = &mut piece.text;
        let blobs = || self.ranges.iter().flat_map(|range| &range.blobs);
        out.number(self.ranges.len() as u64);
        for range in &self.ranges {
            out.number(range.pack.into());
        }
        for range in &self.ranges {
            out.number(range.blobs.len() as u64);
        }
        for range in &self.ranges {
            let mut before = 0;
            for blob in &range.blobs {
                out.number((blob.offset - before).into());
                before = blob.end();
            }
        }
        for blob in blobs() {
            out.number(blob.length.into());
        }
        for blob in blobs() {
            out.number(blob.raw_length.map_or(0, NonZeroU32::get).into());
        }
        for blob in blobs() {
            out.number(blob.targets.len() as u64);
        }
        let mut before = 0;
        for target in blobs().flat_map(|blob| &blob.targets) {
            out.signed(i64::from(target.file) - before);
            before = target.file.into();
        }
        for target in blobs().flat_map(|blob| &blob.targets) {
            out.number(target.offset);
        }
        let spares =
            || blobs().enumerate().filter_map(|(at, blob)| Some((at, blob.spare.as_ref()?)));
        out.number(spares().count() as u64);
        let mut before = 0;
        for (at, spare) in spares() {
            out.number((at - before) as u64);
            before = at;
            out.number(spare.pack.into());
            out.number(spare.offset.into());
            out.number(spare.length.into());
            out.number(spare.raw_length.map_or(0, NonZeroU32::get).into());
        }
        for blob in blobs() {
            piece.noise.extend_from_slice(blob.id.as_bytes());
        }
    }

    /// Reads what was sealed: the compressed part and the hashes.
    ///
    /// # Errors
    /// [`PlanError::Malformed`].
    pub fn parse(text: &[u8], hashes: &[u8]) -> Result<Self, PlanError> {
        let mut text = Reader(text);
        let owners = Owners::read(&mut text)?;
        let folders = read_folders(&mut text, &owners)?;
        let mut files = read_files(&mut text, folders.len())?;
        let attributes = attributes(&mut text, &owners, files.len())?;
        for (file, attributes) in files.iter_mut().zip(attributes) {
            file.attributes = attributes;
        }
        let ranges = read_ranges(&mut text, hashes, &files)?;
        text.end()?;
        Ok(Self { folders, files, ranges })
    }
}

fn read_folders(text: &mut Reader<'_>, owners: &Owners) -> Result<Vec<Folder>, PlanError> {
    const OUT: PlanError = PlanError::Malformed("a folder leads out of the target");
    let count = text.count(MAX_FOLDERS)?;
    let mut folders: Vec<Folder> = Vec::with_capacity(count);
    let mut all = 0;
    for _ in 0..count {
        let before = folders.last().map_or(&b""[..], |folder| &folder.path);
        let shared = usize::try_from(text.number()?).map_err(|_| OUT)?;
        let path = [before.get(..shared).ok_or(OUT)?, text.bytes()?].concat();
        all += path.len();
        if !is_path(&path) || all > MAX_PATHS {
            return Err(OUT);
        }
        folders.push(Folder { path: path.into(), ..Folder::default() });
    }
    for folder in &mut folders {
        (folder.mode, folder.uid, folder.gid) = owners.get(text.number()?)?;
    }
    Ok(folders)
}

fn read_place(text: &mut Reader<'_>, folder: u32, folders: usize) -> Result<Place, PlanError> {
    if folder as usize >= folders {
        return Err(PlanError::Malformed("a file lies in no folder"));
    }
    let name = text.bytes()?;
    if !is_name(name) {
        return Err(PlanError::Malformed("a name leads out of its folder"));
    }
    Ok(Place { folder, name: name.into() })
}

fn read_files(text: &mut Reader<'_>, folders: usize) -> Result<Vec<File>, PlanError> {
    const ODD: PlanError = PlanError::Malformed("a file makes no sense");
    let count = text.count(MAX_FILES)?;
    let numbers = running(text, count)?;
    let mut files = Vec::with_capacity(count);
    for folder in numbers {
        files.push(File {
            place: read_place(text, folder, folders)?,
            links: Vec::new(),
            kind: FileKind::Fifo,
            attributes: Attributes::default(),
            group: 0,
            is_critical: false,
        });
    }
    let mut kinds = Vec::with_capacity(count);
    for file in &mut files {
        let kind = text.number()?;
        file.is_critical = kind & 1 == 1;
        kinds.push(kind >> 1);
    }
    for (file, kind) in files.iter_mut().zip(kinds) {
        file.kind = match kind {
            0 | 1 => FileKind::Regular {
                size: text.number()?,
                writes: text.small()?,
                shared: if kind == 0 {
                    None
                } else {
                    Some(NonZeroU32::new(text.small()?).ok_or(ODD)?)
                },
            },
            2 => FileKind::Symlink(text.bytes()?.into()),
            3 => FileKind::Fifo,
            4 => FileKind::CharDevice(text.number()?),
            5 => FileKind::BlockDevice(text.number()?),
            6 => FileKind::Lost(Lost::BlobUnknown),
            7 => FileKind::Lost(Lost::ContentsMissing),
            8 => FileKind::Lost(Lost::BlobTooLong),
            9 => FileKind::Lost(Lost::KindUnknown),
            _ => return Err(ODD),
        };
        if let FileKind::Regular { size, writes, .. } = file.kind
            && (size == 0) != (writes == 0)
        {
            return Err(ODD);
        }
        if let FileKind::Symlink(target) = &file.kind
            && (target.len() > MAX_PATH || target.contains(&0))
        {
            return Err(ODD);
        }
    }
    for (file, group) in files.iter_mut().zip(running(text, count)?) {
        file.group = group;
    }
    let mut links = Vec::with_capacity(count);
    for _ in 0..count {
        links.push(text.number()?);
    }
    for (file, links) in files.iter_mut().zip(links) {
        for _ in 0..links {
            let folder = text.small()?;
            file.links.push(read_place(text, folder, folders)?);
        }
    }
    Ok(files)
}

fn read_ranges(
    text: &mut Reader<'_>,
    hashes: &[u8],
    files: &[File],
) -> Result<Vec<Range>, PlanError> {
    const ODD: PlanError = PlanError::Malformed("a blob lies where no blob can lie");
    let (hashes, rest) = hashes.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() > MAX_BLOBS {
        return Err(PlanError::Malformed("its hashes make no sense"));
    }
    let count = text.count(hashes.len())?;
    let mut ranges = Vec::with_capacity(count);
    for _ in 0..count {
        ranges.push(Range { pack: text.small()?, blobs: Vec::new() });
    }
    let mut left = hashes.len();
    let mut counts = Vec::with_capacity(count);
    for _ in 0..count {
        let blobs = usize::try_from(text.number()?).map_err(|_| ODD)?;
        left = left.checked_sub(blobs).filter(|_| blobs > 0).ok_or(ODD)?;
        counts.push(blobs);
    }
    if left != 0 {
        return Err(ODD);
    }
    let mut hashes = hashes.iter();
    for (range, blobs) in ranges.iter_mut().zip(counts) {
        for hash in hashes.by_ref().take(blobs) {
            // For now the way from the blob before; its length is not known yet.
            range.blobs.push(Blob {
                offset: text.small()?,
                length: 0,
                raw_length: None,
                id: Id::from_bytes(*hash),
                targets: Vec::new(),
                spare: None,
            });
        }
    }
    for range in &mut ranges {
        let mut end = 0u32;
        for blob in &mut range.blobs {
            blob.length = text.small()?;
            blob.offset = end.checked_add(blob.offset).ok_or(ODD)?;
            end = end_of(blob.offset, blob.length)?;
        }
        if range.blobs.len() > 1 && range.end() - range.start() > MAX_RANGE {
            return Err(ODD);
        }
    }
    let mut blobs: Vec<&mut Blob> = ranges.iter_mut().flat_map(|range| &mut range.blobs).collect();
    for blob in &mut blobs {
        blob.raw_length = read_raw_length(text)?;
    }
    let mut counts = Vec::with_capacity(blobs.len());
    let mut all = 0usize;
    for _ in 0..blobs.len() {
        let targets = text.count(MAX_TARGETS)?;
        all += targets;
        if targets == 0 || all > MAX_TARGETS {
            return Err(ODD);
        }
        counts.push(targets);
    }
    let numbers = running(text, all)?;
    let mut numbers = numbers.into_iter();
    for (blob, targets) in blobs.iter_mut().zip(counts) {
        let length = u64::from(blob.entry().contents_length());
        for file in numbers.by_ref().take(targets) {
            let offset = text.number()?;
            let fits = match files.get(file as usize).map(|file| &file.kind) {
                Some(FileKind::Regular { size, .. }) => {
                    offset.checked_add(length).is_some_and(|end| end <= *size)
                }
                _ => false,
            };
            if !fits {
                return Err(PlanError::Malformed("a blob belongs to no file"));
            }
            blob.targets.push(Target { file, offset });
        }
    }
    read_spares(text, &mut blobs)?;
    Ok(ranges)
}

fn read_spares(text: &mut Reader<'_>, blobs: &mut [&mut Blob]) -> Result<(), PlanError> {
    const ODD: PlanError = PlanError::Malformed("a spare blob makes no sense");
    let mut at = 0usize;
    for _ in 0..text.count(blobs.len())? {
        let step = usize::try_from(text.number()?).map_err(|_| ODD)?;
        at = at.checked_add(step).ok_or(ODD)?;
        let blob = blobs.get_mut(at).ok_or(ODD)?;
        let spare = Spare {
            pack: text.small()?,
            offset: text.small()?,
            length: text.small()?,
            raw_length: read_raw_length(text)?,
        };
        end_of(spare.offset, spare.length)?;
        let contents_length = blob.entry().contents_length();
        let once_more = blob.moved_to(&spare);
        if once_more.entry().contents_length() != contents_length || blob.spare.is_some() {
            return Err(ODD);
        }
        blob.spare = Some(Box::new(spare));
    }
    Ok(())
}

/// Where a blob ends that begins here, if it can be one.
fn end_of(offset: u32, length: u32) -> Result<u32, PlanError> {
    let is_long_enough = length as usize >= OVERHEAD && length <= MAX_BLOB;
    let end = offset.checked_add(length).filter(|_| is_long_enough);
    end.ok_or(PlanError::Malformed("a blob lies where no blob can lie"))
}

fn read_raw_length(text: &mut Reader<'_>) -> Result<Option<NonZeroU32>, PlanError> {
    let length = NonZeroU32::new(text.small()?);
    if length.is_some_and(|length| length.get() > MAX_BLOB) {
        return Err(PlanError::Malformed("a blob is too long"));
    }
    Ok(length)
}

/// Numbers told by their differences.
fn running(text: &mut Reader<'_>, count: usize) -> Result<Vec<u32>, PlanError> {
    let mut before = 0i64;
    let mut numbers = Vec::with_capacity(count.min(text.0.len()));
    for _ in 0..count {
        before = before
            .checked_add(text.signed()?)
            .ok_or(PlanError::Malformed("a number is too large"))?;
        let number = u32::try_from(before);
        numbers.push(number.map_err(|_| PlanError::Malformed("a number is too large"))?);
    }
    Ok(numbers)
}

/// Whether a path stays below the target; the empty one is the target.
pub(super) fn is_path(path: &[u8]) -> bool {
    path.is_empty() || (path.len() <= MAX_PATH && path.split(|c| *c == b'/').all(is_name))
}

/// Modes with owners: there are few, and every file has one.
#[derive(Debug, Default)]
pub(super) struct Owners {
    known: Vec<(u32, u32, u32)>,
    places: HashMap<(u32, u32, u32), u64>,
}

impl Owners {
    fn number(&mut self, mode: u32, uid: u32, gid: u32) -> u64 {
        *self.places.entry((mode, uid, gid)).or_insert_with(|| {
            self.known.push((mode, uid, gid));
            self.known.len() as u64 - 1
        })
    }

    pub(super) fn number_of(&mut self, attributes: &Attributes) -> u64 {
        self.number(attributes.mode, attributes.uid, attributes.gid)
    }

    pub(super) fn put(&self, out: &mut Writer) {
        out.number(self.known.len() as u64);
        for (mode, uid, gid) in &self.known {
            out.number((*mode).into());
            out.number((*uid).into());
            out.number((*gid).into());
        }
    }

    pub(super) fn read(text: &mut Reader<'_>) -> Result<Self, PlanError> {
        let count = text.count(MAX_FOLDERS + MAX_FILES)?;
        let mut known = Vec::with_capacity(count);
        for _ in 0..count {
            known.push((text.small()? & 0o7777, text.small()?, text.small()?));
        }
        Ok(Self { known, places: HashMap::new() })
    }

    fn get(&self, number: u64) -> Result<(u32, u32, u32), PlanError> {
        let known = usize::try_from(number).ok().and_then(|number| self.known.get(number));
        known.copied().ok_or(PlanError::Malformed("an owner is unknown"))
    }
}

pub(super) fn put_attributes(out: &mut Writer, all: &[&Attributes], owners: &[u64]) {
    out.number(all.len() as u64);
    for owner in owners {
        out.number(*owner);
    }
    let mut before = 0i64;
    for one in all {
        out.signed(one.modified.seconds.wrapping_sub(before));
        before = one.modified.seconds;
    }
    for one in all {
        out.0.extend_from_slice(&one.modified.nanoseconds.to_le_bytes());
    }
    for one in all {
        // Most were read when they were written, as far as restic tells.
        if one.accessed == one.modified {
            out.number(0);
        } else {
            out.number(1 + u64::from(one.accessed.nanoseconds));
            out.signed(one.accessed.seconds.wrapping_sub(one.modified.seconds));
        }
    }
    for one in all {
        out.number(one.xattrs.len() as u64);
    }
    for xattr in all.iter().flat_map(|one| &one.xattrs) {
        out.bytes(&xattr.name);
        out.bytes(&xattr.value);
    }
}

/// Reads the attributes of so many entries.
pub(super) fn attributes(
    text: &mut Reader<'_>,
    owners: &Owners,
    expected: usize,
) -> Result<Vec<Attributes>, PlanError> {
    const ODD: PlanError = PlanError::Malformed("an attribute makes no sense");
    let count = text.count(MAX_FILES)?;
    if count != expected {
        return Err(ODD);
    }
    let mut all = vec![Attributes::default(); count];
    for one in &mut all {
        (one.mode, one.uid, one.gid) = owners.get(text.number()?)?;
    }
    let mut before = 0i64;
    for one in &mut all {
        before = before.wrapping_add(text.signed()?);
        one.modified.seconds = before;
    }
    for one in &mut all {
        one.modified.nanoseconds = u32::from_le_bytes(text.array()?);
    }
    for one in &mut all {
        one.accessed = match text.number()?.checked_sub(1) {
            None => one.modified,
            Some(nanoseconds) => Moment {
                nanoseconds: u32::try_from(nanoseconds).map_err(|_| ODD)?,
                seconds: one.modified.seconds.wrapping_add(text.signed()?),
            },
        };
        if one.modified.nanoseconds >= 1_000_000_000 || one.accessed.nanoseconds >= 1_000_000_000 {
            return Err(ODD);
        }
    }
    let mut counts = Vec::with_capacity(count);
    for _ in 0..count {
        counts.push(text.number()?);
    }
    for (one, xattrs) in all.iter_mut().zip(counts) {
        for _ in 0..xattrs {
            let (name, value) = (text.bytes()?, text.bytes()?);
            if name.is_empty() || name.contains(&0) {
                return Err(ODD);
            }
            one.xattrs.push(Xattr { name: name.into(), value: value.into() });
        }
    }
    Ok(all)
}
