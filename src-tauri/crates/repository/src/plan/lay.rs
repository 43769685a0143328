//! From entries to ranges and sections: which blobs are wanted, where they
//! lie, and in which order they are best read.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroU32;

use agent::plan::{
    Attributes, Blob, File, FileKind, Folder, Folders, Header, Lost, MAX_BLOB, MAX_HOLE, MAX_RANGE,
    Moment, Place, Range, Section, SectionKind, Spare, Target, Totals, Xattr,
};
use restic::{BlobEntry, BlobKind, Id, Node, NodeKind, Time};

use super::walk::{Walk, WalkedEntry};
use crate::{Counts, Index};

/// Readers that are kept busy; ranges are cut so that none is left with a
/// long one when the others have nothing to do.
const READERS: u64 = 32;
/// The shortest range that cutting makes, in bytes; of critical ranges, which
/// are spread over all readers.
const MIN_RANGE: u64 = 1 << 20;
const MIN_CRITICAL_RANGE: u64 = 128 << 10;
/// No more blobs and places in a range, and places in a section.
const RANGE_BLOBS: usize = 4096;
const RANGE_TARGETS: usize = 8192;
const SECTION_TARGETS: usize = 4096;
/// No more bytes to read in a section, so that a machine need not know much
/// at a time.
const SECTION_BYTES: u64 = 64 << 20;
/// No more entries without contents in a section, and folders in theirs.
const SECTION_BARE: usize = 4096;

/// A plan before it is sealed.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Without the sections' lengths.
    pub(super) header: Header,
    pub(super) sections: Vec<DraftSection>,
    pub(super) counts: Counts,
    /// Files that cannot be restored.
    pub(super) lost: u64,
}

#[derive(Debug)]
pub(super) struct DraftSection {
    pub(super) kind: SectionKind,
    pub(super) span: (Vec<u8>, Vec<u8>),
    pub(super) contents: Contents,
}

#[derive(Debug)]
pub(super) enum Contents {
    Files(Section),
    Folders(Folders),
}

/// Hashes are random already.
#[derive(Debug, Default)]
pub(super) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

type Numbers = HashMap<Id, u32, BuildHasherDefault<FirstBytes>>;

/// An entry with all its names.
#[derive(Debug)]
struct Record<'a> {
    entry: WalkedEntry<'a>,
    links: Vec<(u32, &'a [u8])>,
    state: State,
    /// The first and the last section that knows it.
    sections: Option<(u32, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Contents of so many bytes, written in so many pieces.
    Filled {
        size: u64,
        writes: u32,
    },
    /// Nothing has to be read for it.
    Bare,
    Lost(Lost),
}

/// A blob that is wanted, and the pack it will be read from.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// The pack by its place in the index.
    pack: u32,
    blob: BlobEntry,
    is_critical: bool,
    /// Where its targets begin in the list of all.
    targets: u32,
    target_count: u32,
}

/// A blob in a range, with the targets that this reading of it serves.
#[derive(Debug, Clone, Copy)]
struct Reading {
    blob: u32,
    targets: (u32, u32),
}

/// A range before its section is known.
#[derive(Debug, Default)]
struct Stretch {
    pack: u32,
    is_critical: bool,
    start: u32,
    end: u32,
    targets: usize,
    readings: Vec<Reading>,
}

/// What a section will hold.
#[derive(Debug)]
struct Share {
    is_critical: bool,
    /// Stretches, from and to.
    stretches: (usize, usize),
    /// Records that nothing has to be read for.
    bare: Vec<u32>,
    /// Folders that nothing lies in.
    folders: Vec<u32>,
}

/// Lays out a plan.
pub(super) fn lay(walk: &Walk<'_>, index: &Index) -> Draft {
    let mut layout = Layout {
        walk,
        index,
        records: Vec::with_capacity(walk.entries.len()),
        wanted: Vec::new(),
        targets: Vec::new(),
        stretches: Vec::new(),
        shares: Vec::new(),
        totals: Totals::default(),
        lost: 0,
    };
    layout.gather();
    layout.find_blobs();
    layout.cut();
    layout.share();
    layout.draft()
}

struct Layout<'a> {
    walk: &'a Walk<'a>,
    index: &'a Index,
    /// The critical ones first, else in the order of the tree.
    records: Vec<Record<'a>>,
    wanted: Vec<Wanted>,
    /// Record and offset in its file, blob by blob.
    targets: Vec<(u32, u64)>,
    stretches: Vec<Stretch>,
    shares: Vec<Share>,
    totals: Totals,
    lost: u64,
}

impl<'a> Layout<'a> {
    /// Entries with all their names, the critical ones first, else in the
    /// order of the tree.
    fn gather(&mut self) {
        let walk = self.walk;
        let mut linked: HashMap<(u64, u64), usize> = HashMap::new();
        let of_class =
            |is_critical| walk.entries.iter().filter(move |entry| entry.is_critical == is_critical);
        for entry in of_class(true).chain(of_class(false)) {
            let node = entry.node;
            if node.kind == NodeKind::File {
                self.totals.files += 1;
                self.totals.critical_files += u64::from(entry.is_critical);
                if node.links > 1 {
                    match linked.entry((node.device_id, node.inode)) {
                        Slot::Occupied(first) => {
                            let link = (entry.folder, node.name.as_bytes());
                            self.records[*first.get()].links.push(link);
                            continue;
                        }
                        Slot::Vacant(slot) => {
                            slot.insert(self.records.len());
                        }
                    }
                }
            } else {
                self.totals.others += 1;
                // restic makes none either: a socket without its program is dead.
                if node.kind == NodeKind::Socket {
                    continue;
                }
            }
            self.totals.critical_entries += u64::from(entry.is_critical);
            self.records.push(Record {
                entry: *entry,
                links: Vec::new(),
                state: State::Bare,
                sections: None,
            });
        }
    }

    /// Finds where every blob lies, and where its contents go.
    fn find_blobs(&mut self) {
        let index = self.index;
        let mut numbers = Numbers::default();
        let mut writes: Vec<(u32, u32, u64)> = Vec::new();
        let mut in_use = vec![false; index.packs().len()];
        for (number, record) in self.records.iter_mut().enumerate() {
            let node = record.entry.node;
            let contents: &[Id] = match (&node.kind, &node.content) {
                (NodeKind::File, Some(contents)) => contents,
                (NodeKind::File, None) if node.size > 0 => {
                    record.state = State::Lost(Lost::ContentsMissing);
                    continue;
                }
                (NodeKind::Irregular | NodeKind::Other(_) | NodeKind::Dir, _) => {
                    record.state = State::Lost(Lost::KindUnknown);
                    continue;
                }
                _ => continue,
            };
            let before = writes.len();
            let mut size = 0u64;
            let mut lost = None;
            for id in contents {
                let blob = match numbers.get(id) {
                    Some(blob) => *blob,
                    None => match locate(index, id, &mut in_use) {
                        Ok(wanted) => {
                            let blob = self.wanted.len() as u32;
                            let is_critical = record.entry.is_critical;
                            self.wanted.push(Wanted { is_critical, ..wanted });
                            numbers.insert(*id, blob);
                            blob
                        }
                        Err(why) => {
                            lost = Some(why);
                            break;
                        }
                    },
                };
                let length = self.wanted[blob as usize].blob.contents_length();
                if length > 0 {
                    writes.push((blob, number as u32, size));
                    size += u64::from(length);
                }
            }
            if let Some(lost) = lost {
                writes.truncate(before);
                record.state = State::Lost(lost);
            } else if size > 0 {
                let writes = u32::try_from(writes.len() - before).unwrap_or(u32::MAX);
                record.state = State::Filled { size, writes };
            }
        }

        for (blob, ..) in &writes {
            self.wanted[*blob as usize].target_count += 1;
        }
        let mut start = 0;
        for wanted in &mut self.wanted {
            wanted.targets = start;
            start += wanted.target_count;
            wanted.target_count = 0;
        }
        self.targets = vec![(0, 0); writes.len()];
        for (blob, record, offset) in writes {
            let wanted = &mut self.wanted[blob as usize];
            self.targets[(wanted.targets + wanted.target_count) as usize] = (record, offset);
            wanted.target_count += 1;
        }
    }

    /// Cuts what is wanted of each pack into stretches that are read at once:
    /// long ones first, and shorter ones as the rest shrinks, so that all
    /// readers end together.
    fn cut(&mut self) {
        let none = u32::MAX;
        let packs = self.index.packs().len();
        let mut ranks = [vec![none; packs], vec![none; packs]];
        let mut next = [0, 0];
        let mut left = [0u64, 0];
        for wanted in self.wanted.iter().filter(|wanted| wanted.target_count > 0) {
            let class = usize::from(!wanted.is_critical);
            let rank = &mut ranks[class][wanted.pack as usize];
            if *rank == none {
                *rank = next[class];
                next[class] += 1;
            }
            left[class] += u64::from(wanted.blob.length);
        }
        let critical_limit = (left[0] / READERS).clamp(MIN_CRITICAL_RANGE, MAX_RANGE.into());

        let mut order: Vec<u32> = (0..self.wanted.len() as u32)
            .filter(|blob| self.wanted[*blob as usize].target_count > 0)
            .collect();
        order.sort_unstable_by_key(|blob| {
            let wanted = &self.wanted[*blob as usize];
            let class = usize::from(!wanted.is_critical);
            (class, ranks[class][wanted.pack as usize], wanted.blob.offset)
        });
        let mut open = Stretch::default();
        for blob in order {
            let wanted = self.wanted[blob as usize];
            let (offset, length) = (wanted.blob.offset, wanted.blob.length);
            let limit = if wanted.is_critical {
                critical_limit
            } else {
                (left[1] / (2 * READERS)).clamp(MIN_RANGE, MAX_RANGE.into())
            };
            left[usize::from(!wanted.is_critical)] -= u64::from(length);
            let mut from = 0;
            // What goes to very many places is read several times.
            while from < wanted.target_count {
                let to = wanted.target_count.min(from + RANGE_TARGETS as u32);
                let count = (to - from) as usize;
                let fits = !open.readings.is_empty()
                    && open.pack == wanted.pack
                    && open.is_critical == wanted.is_critical
                    && offset >= open.end
                    && offset - open.end <= MAX_HOLE
                    && u64::from(offset - open.start) + u64::from(length) <= limit
                    && open.readings.len() < RANGE_BLOBS
                    && open.targets + count <= RANGE_TARGETS;
                if !fits {
                    self.close(&mut open);
                    open.pack = wanted.pack;
                    open.is_critical = wanted.is_critical;
                    open.start = offset;
                }
                open.end = offset.saturating_add(length);
                open.targets += count;
                let targets = (wanted.targets + from, wanted.targets + to);
                open.readings.push(Reading { blob, targets });
                from = to;
            }
        }
        self.close(&mut open);
    }

    fn close(&mut self, open: &mut Stretch) {
        let stretch = std::mem::take(open);
        if !stretch.readings.is_empty() {
            self.totals.fetched_bytes += u64::from(stretch.end - stretch.start);
            self.stretches.push(stretch);
        }
    }

    /// Deals stretches into sections, and to each what needs no reading and
    /// stands near its files.
    fn share(&mut self) {
        for is_critical in [true, false] {
            self.share_class(is_critical);
        }
    }

    fn share_class(&mut self, is_critical: bool) {
        let first_share = self.shares.len();
        let empty =
            |at| Share { is_critical, stretches: (at, at), bare: Vec::new(), folders: Vec::new() };
        let start = self.stretches.iter().position(|stretch| stretch.is_critical == is_critical);
        let start = start.unwrap_or(self.stretches.len());
        let (mut targets, mut bytes) = (0, 0);
        for (at, stretch) in self.stretches.iter().enumerate().skip(start) {
            if stretch.is_critical != is_critical {
                break;
            }
            let length = u64::from(stretch.end - stretch.start);
            let is_full =
                targets + stretch.targets > SECTION_TARGETS || bytes + length > SECTION_BYTES;
            if self.shares.len() == first_share || is_full {
                self.shares.push(empty(at));
                (targets, bytes) = (0, 0);
            }
            targets += stretch.targets;
            bytes += length;
            let number = self.shares.len() as u32 - 1;
            if let Some(share) = self.shares.last_mut() {
                share.stretches.1 = at + 1;
            }
            for reading in &stretch.readings {
                let targets = reading.targets.0 as usize..reading.targets.1 as usize;
                for (record, _) in &self.targets[targets] {
                    let sections = &mut self.records[*record as usize].sections;
                    let first = sections.map_or(number, |(first, _)| first);
                    *sections = Some((first, number));
                }
            }
        }

        let folders: Vec<u32> = (1..self.walk.folders.len() as u32)
            .filter(|folder| {
                let folder = &self.walk.folders[*folder as usize];
                is_critical && folder.is_critical && folder.is_empty
            })
            .collect();
        let of_class = |record: &Record<'_>| record.entry.is_critical == is_critical;
        let has_bare =
            self.records.iter().any(|record| of_class(record) && record.sections.is_none());
        if self.shares.len() == first_share {
            if !has_bare && folders.is_empty() {
                return;
            }
            self.shares.push(empty(start));
        }
        let mut home = first_share;
        for (number, record) in self.records.iter().enumerate() {
            if !of_class(record) {
                continue;
            }
            match record.sections {
                // A critical section may know it because of a blob they share.
                Some((first, _)) => home = (first as usize).max(first_share),
                None => self.shares[home].bare.push(number as u32),
            }
        }
        self.shares[first_share].folders = folders;
        self.split_bare(first_share);
    }

    /// No section may grow without limit.
    fn split_bare(&mut self, first_share: usize) {
        let shares = self.shares.split_off(first_share);
        for mut share in shares {
            let (is_critical, end) = (share.is_critical, share.stretches.1);
            let mut bare = std::mem::take(&mut share.bare).into_iter();
            let mut folders = std::mem::take(&mut share.folders).into_iter();
            let mut part = Some(share);
            loop {
                let next = (
                    bare.by_ref().take(SECTION_BARE).collect::<Vec<_>>(),
                    folders.by_ref().take(SECTION_BARE).collect::<Vec<_>>(),
                );
                if part.is_none() && next.0.is_empty() && next.1.is_empty() {
                    break;
                }
                let mut share = part.take().unwrap_or(Share {
                    is_critical,
                    stretches: (end, end),
                    bare: Vec::new(),
                    folders: Vec::new(),
                });
                (share.bare, share.folders) = next;
                self.shares.push(share);
            }
        }
    }

    fn draft(mut self) -> Draft {
        let mut groups = self.walk.groups.clone();
        for record in &self.records {
            let group = &mut groups[record.entry.group as usize];
            if record.entry.node.kind == NodeKind::File {
                group.files += 1 + record.links.len() as u64;
            }
            match record.state {
                State::Filled { size, .. } => {
                    group.bytes += size;
                    self.totals.bytes += size;
                    if record.entry.is_critical {
                        self.totals.critical_bytes += size;
                    }
                }
                State::Bare => {}
                State::Lost(_) => self.lost += 1,
            }
        }
        self.totals.folders = self.walk.folders.len().saturating_sub(1) as u64;
        let mut counts = Counts {
            files: self.totals.files,
            bytes: self.totals.bytes,
            dirs: self.totals.folders,
            others: self.totals.others,
            critical_files: self.totals.critical_files,
            critical_bytes: self.totals.critical_bytes,
            critical: Vec::new(),
        };
        if self.totals.critical_entries == 0 {
            counts.critical_files = counts.files;
            counts.critical_bytes = counts.bytes;
        }

        let mut packs = Packs::new(self.index.packs().len());
        for stretch in &self.stretches {
            packs.number(stretch.pack);
        }
        let mut drawing = Drawing {
            records: vec![u32::MAX; self.records.len()],
            folders: vec![u32::MAX; self.walk.folders.len()],
        };
        let mut sections = Vec::with_capacity(self.shares.len() + 1);
        for share in &self.shares {
            sections.push(self.section(share, &mut packs, &mut drawing));
        }
        sections.extend(self.folders());
        let header = Header {
            packs: packs.ids(self.index),
            groups,
            sections: Vec::new(),
            totals: self.totals,
        };
        Draft { header, sections, counts, lost: self.lost }
    }

    fn section(&self, share: &Share, packs: &mut Packs, drawing: &mut Drawing) -> DraftSection {
        let stretches = &self.stretches[share.stretches.0..share.stretches.1];
        let served = |stretch: &Stretch| {
            let targets = |reading: &Reading| {
                &self.targets[reading.targets.0 as usize..reading.targets.1 as usize]
            };
            stretch.readings.iter().flat_map(targets).map(|(record, _)| *record).collect::<Vec<_>>()
        };
        let mut known: Vec<u32> = stretches.iter().flat_map(served).collect();
        known.extend(&share.bare);
        known.sort_unstable();
        known.dedup();

        let mut section = Section::default();
        for (place, number) in known.iter().enumerate() {
            drawing.records[*number as usize] = place as u32;
            let record = &self.records[*number as usize];
            let file = self.file(*number, record, &mut section.folders, drawing);
            section.files.push(file);
        }
        for folder in &share.folders {
            self.folder(*folder, &mut section.folders, drawing);
        }
        for stretch in stretches {
            let blobs = stretch.readings.iter().map(|reading| {
                let wanted = &self.wanted[reading.blob as usize];
                let targets = reading.targets.0 as usize..reading.targets.1 as usize;
                Blob {
                    offset: wanted.blob.offset,
                    length: wanted.blob.length,
                    raw_length: wanted.blob.raw_length,
                    id: wanted.blob.id,
                    targets: self.targets[targets]
                        .iter()
                        .map(|(record, offset)| Target {
                            file: drawing.records[*record as usize],
                            offset: *offset,
                        })
                        .collect(),
                    spare: self.spare(wanted, packs).map(Box::new),
                }
            });
            let blobs = blobs.collect();
            section.ranges.push(Range { pack: packs.number(stretch.pack), blobs });
        }

        // In the order of the tree, which within each class is theirs.
        let path = |number: &u32| {
            let entry = &self.records[*number as usize].entry;
            self.path(entry.folder, entry.node.name.as_bytes())
        };
        let of_class = |is_critical| {
            let mut fitting = known.iter().filter(move |number| {
                self.records[**number as usize].entry.is_critical == is_critical
            });
            (fitting.next(), fitting.next_back())
        };
        let ends = [of_class(true), of_class(false)];
        let ends = ends.iter().flat_map(|(first, last)| [*first, *last]).flatten();
        let mut ends: Vec<Vec<u8>> = ends.map(path).collect();
        ends.sort_by(|a, b| agent::plan::tree_order(a, b));
        let span =
            (ends.first().cloned().unwrap_or_default(), ends.last().cloned().unwrap_or_default());
        // Ready for the next.
        for folder in &mut drawing.folders {
            *folder = u32::MAX;
        }
        let kind = if share.is_critical { SectionKind::Critical } else { SectionKind::Files };
        DraftSection { kind, span, contents: Contents::Files(section) }
    }

    /// Where else a blob lies, best in a pack that is read anyway.
    fn spare(&self, wanted: &Wanted, packs: &mut Packs) -> Option<Spare> {
        let contents_length = wanted.blob.contents_length();
        let others = self.index.places(BlobKind::Data, &wanted.blob.id).filter(|(pack, blob)| {
            *pack != wanted.pack
                && blob.length <= MAX_BLOB
                && blob.contents_length() == contents_length
        });
        let (pack, blob) = others.min_by_key(|(pack, _)| !packs.is_known(*pack))?;
        let BlobEntry { offset, length, raw_length, .. } = blob;
        Some(Spare { pack: packs.number(pack), offset, length, raw_length })
    }

    fn file(
        &self,
        number: u32,
        record: &Record<'a>,
        folders: &mut Vec<Folder>,
        drawing: &mut Drawing,
    ) -> File {
        let node = record.entry.node;
        let mut place = |(folder, name): (u32, &[u8])| Place {
            folder: self.folder(folder, folders, drawing),
            name: name.into(),
        };
        let kind = match (record.state, &node.kind) {
            (State::Lost(why), _) => FileKind::Lost(why),
            (State::Filled { size, writes }, _) => FileKind::Regular {
                size,
                writes,
                shared: record
                    .sections
                    .filter(|(first, last)| first != last)
                    .and_then(|_| NonZeroU32::new(number + 1)),
            },
            (State::Bare, NodeKind::Symlink) => {
                FileKind::Symlink(node.link_target.as_bytes().into())
            }
            (State::Bare, NodeKind::Fifo) => FileKind::Fifo,
            (State::Bare, NodeKind::CharDevice) => FileKind::CharDevice(node.device),
            (State::Bare, NodeKind::Device) => FileKind::BlockDevice(node.device),
            (State::Bare, _) => FileKind::Regular { size: 0, writes: 0, shared: None },
        };
        File {
            place: place((record.entry.folder, node.name.as_bytes())),
            links: record.links.iter().copied().map(place).collect(),
            kind,
            attributes: attributes(node),
            group: record.entry.group,
            is_critical: record.entry.is_critical,
        }
    }

    /// The place of a folder among those of a section, after all above it.
    fn folder(&self, number: u32, folders: &mut Vec<Folder>, drawing: &mut Drawing) -> u32 {
        let mut chain = vec![number];
        while let Some(top) = chain.last()
            && drawing.folders[*top as usize] == u32::MAX
            && *top != 0
        {
            chain.push(self.walk.folders[*top as usize].parent);
        }
        for number in chain.into_iter().rev() {
            if drawing.folders[number as usize] == u32::MAX {
                drawing.folders[number as usize] = folders.len() as u32;
                let folder = &self.walk.folders[number as usize];
                let (mode, uid, gid) = folder
                    .node
                    .map_or((0o700, 0, 0), |node| (node.mode.permissions(), node.uid, node.gid));
                let path = folder.path.as_slice().into();
                folders.push(Folder { path, mode, uid, gid });
            }
        }
        drawing.folders[number as usize]
    }

    fn path(&self, folder: u32, name: &[u8]) -> Vec<u8> {
        let above = &self.walk.folders[folder as usize].path;
        if above.is_empty() { name.to_vec() } else { [above, &b"/"[..], name].concat() }
    }

    /// Sections of folders, each folder after all below it.
    fn folders(&self) -> Vec<DraftSection> {
        let all = self.walk.folders.get(1..).unwrap_or_default();
        all.rchunks(SECTION_BARE)
            .map(|part| {
                let folders = part.iter().rev().filter_map(|folder| {
                    Some((folder.path.as_slice().into(), attributes(folder.node?)))
                });
                DraftSection {
                    kind: SectionKind::Folders,
                    span: (Vec::new(), Vec::new()),
                    contents: Contents::Folders(Folders { folders: folders.collect() }),
                }
            })
            .collect()
    }
}

/// Which records and folders the section at work knows, and where.
struct Drawing {
    records: Vec<u32>,
    folders: Vec<u32>,
}

/// Packs, numbered as they are first read; those that may only stand in for
/// another come last.
struct Packs {
    numbers: Vec<u32>,
    used: Vec<u32>,
}

impl Packs {
    fn new(count: usize) -> Self {
        Self { numbers: vec![u32::MAX; count], used: Vec::new() }
    }

    fn is_known(&self, pack: u32) -> bool {
        self.numbers[pack as usize] != u32::MAX
    }

    fn number(&mut self, pack: u32) -> u32 {
        let number = &mut self.numbers[pack as usize];
        if *number == u32::MAX {
            *number = self.used.len() as u32;
            self.used.push(pack);
        }
        *number
    }

    fn ids(&self, index: &Index) -> Vec<Id> {
        self.used.iter().map(|pack| index.packs()[*pack as usize]).collect()
    }
}

/// Where a blob is best read: in a pack that is needed anyway.
fn locate(index: &Index, id: &Id, in_use: &mut [bool]) -> Result<Wanted, Lost> {
    let mut best: Option<(u32, BlobEntry)> = None;
    for (pack, blob) in index.places(BlobKind::Data, id) {
        if in_use[pack as usize] {
            best = Some((pack, blob));
            break;
        }
        best.get_or_insert((pack, blob));
    }
    let (pack, blob) = best.ok_or(Lost::BlobUnknown)?;
    if blob.length > MAX_BLOB || blob.contents_length() > MAX_BLOB {
        return Err(Lost::BlobTooLong);
    }
    in_use[pack as usize] = true;
    Ok(Wanted { pack, blob, is_critical: false, targets: 0, target_count: 0 })
}

fn moment(time: Time) -> Moment {
    Moment { seconds: time.unix_seconds(), nanoseconds: time.nanoseconds() }
}

fn attributes(node: &Node) -> Attributes {
    Attributes {
        mode: node.mode.permissions(),
        uid: node.uid,
        gid: node.gid,
        modified: moment(node.modified),
        accessed: moment(node.accessed),
        xattrs: node
            .xattrs
            .iter()
            .map(|xattr| Xattr {
                name: xattr.name.as_bytes().into(),
                value: xattr.value.as_deref().unwrap_or_default().into(),
            })
            .collect(),
    }
}
