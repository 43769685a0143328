//! What is written is read back, and nothing that is read does harm.

use std::num::NonZeroU32;

use proptest::prelude::*;
use restic::{Id, Key};

use super::*;

fn key() -> Key {
    Key::from_bytes(&[3; 64])
}

fn name() -> impl Strategy<Value = Box<[u8]>> {
    prop::collection::vec(any::<u8>(), 1..12)
        .prop_filter("a name", |name| is_name(name))
        .prop_map(Into::into)
}

fn path() -> impl Strategy<Value = Box<[u8]>> {
    prop::collection::vec(name(), 0..4).prop_map(|names| names.join(&b'/').into())
}

prop_compose! {
    fn moment()(seconds: i64, nanoseconds in 0u32..1_000_000_000) -> Moment {
        Moment { seconds, nanoseconds }
    }
}

prop_compose! {
    fn attributes()(
        mode in 0u32..0o10000,
        (uid, gid) in any::<(u32, u32)>(),
        modified in moment(),
        accessed in prop::option::of(moment()),
        xattrs in prop::collection::vec((name(), any::<Vec<u8>>()), 0..3),
    ) -> Attributes {
        let xattr = |(name, value): (Box<[u8]>, Vec<u8>)| Xattr { name, value: value.into() };
        Attributes {
            mode,
            uid,
            gid,
            modified,
            accessed: accessed.unwrap_or(modified),
            xattrs: xattrs.into_iter().map(xattr).collect(),
        }
    }
}

fn kind() -> impl Strategy<Value = FileKind> {
    let regular = (1u64.., 1u32.., any::<Option<NonZeroU32>>())
        .prop_map(|(size, writes, shared)| FileKind::Regular { size, writes, shared });
    prop_oneof![
        4 => regular,
        1 => Just(FileKind::Regular { size: 0, writes: 0, shared: None }),
        1 => name().prop_map(FileKind::Symlink),
        1 => Just(FileKind::Fifo),
        1 => any::<u64>().prop_map(FileKind::CharDevice),
        1 => any::<u64>().prop_map(FileKind::BlockDevice),
        1 => Just(FileKind::Lost(Lost::BlobUnknown)),
        1 => Just(FileKind::Lost(Lost::KindUnknown)),
    ]
}

prop_compose! {
    fn section()(
        folders in prop::collection::vec((path(), 0u32..0o10000, any::<(u32, u32)>()), 1..6),
    )(
        files in prop::collection::vec(
            (
                (0..folders.len() as u32, name()),
                prop::collection::vec((0..folders.len() as u32, name()), 0..3),
                kind(),
                attributes(),
                any::<(u32, bool)>(),
            ),
            0..8,
        ),
        ranges in prop::collection::vec(
            (
                any::<u32>(),
                prop::collection::vec(
                    (0u32..1000, 32u32..100_000, 0u32..200_000, any::<[u8; 32]>(), any::<(prop::sample::Index, u64)>()),
                    1..5,
                ),
            ),
            0..4,
        ),
        folders in Just(folders),
    ) -> Section {
        let folders = folders
            .into_iter()
            .map(|(path, mode, (uid, gid))| Folder { path, mode, uid, gid })
            .collect();
        let place = |(folder, name)| Place { folder, name };
        let mut files: Vec<File> = files
            .into_iter()
            .map(|(at, links, kind, attributes, (group, is_critical))| File {
                place: place(at),
                links: links.into_iter().map(place).collect(),
                kind,
                attributes,
                group,
                is_critical,
            })
            .collect();
        files.push(File {
            place: Place { folder: 0, name: b"large"[..].into() },
            links: Vec::new(),
            kind: FileKind::Regular { size: u64::MAX, writes: 9, shared: None },
            attributes: Attributes::default(),
            group: 0,
            is_critical: false,
        });
        let large = files.len() as u32 - 1;
        let ranges = ranges
            .into_iter()
            .map(|(pack, blobs)| {
                let mut end = 0;
                let blobs = blobs
                    .into_iter()
                    .map(|(hole, length, raw, id, (_, offset))| {
                        let offset_in_pack = end + hole;
                        end = offset_in_pack + length;
                        Blob {
                            offset: offset_in_pack,
                            length,
                            raw_length: NonZeroU32::new(raw),
                            id: Id::from_bytes(id),
                            targets: vec![Target { file: large, offset: offset >> 1 }],
                            spare: (raw > 0 && hole % 2 == 1).then(|| {
                                Box::new(Spare {
                                    pack: hole,
                                    offset: offset as u32 >> 1,
                                    length: 40 + hole,
                                    raw_length: NonZeroU32::new(raw),
                                })
                            }),
                        }
                    })
                    .collect();
                Range { pack, blobs }
            })
            .collect();
        Section { folders, files, ranges }
    }
}

prop_compose! {
    fn header()(
        packs in any::<Vec<[u8; 32]>>(),
        groups in prop::collection::vec((any::<Vec<u8>>(), any::<(u64, u64)>()), 0..4),
        sections in prop::collection::vec(
            (any::<u32>(), 0usize..3, any::<(Vec<u8>, Vec<u8>)>()),
            0..4,
        ),
        (files, bytes, critical_files, fetched_bytes) in any::<(u64, u64, u64, u64)>(),
    ) -> Header {
        Header {
            packs: packs.into_iter().map(Id::from_bytes).collect(),
            groups: groups
                .into_iter()
                .map(|(path, (files, bytes))| Group { path, files, bytes })
                .collect(),
            sections: sections
                .into_iter()
                .map(|(length, kind, span)| SectionEntry {
                    length,
                    ranges: length / 2,
                    kind: [SectionKind::Critical, SectionKind::Files, SectionKind::Folders][kind],
                    span,
                })
                .collect(),
            totals: Totals { files, bytes, critical_files, fetched_bytes, ..Totals::default() },
        }
    }
}

#[test]
fn a_name_that_leads_out_is_refused() {
    let section = |folder: &[u8], file: &[u8], link: &[u8]| Section {
        folders: vec![Folder::default(), Folder { path: folder.into(), ..Folder::default() }],
        files: vec![File {
            place: Place { folder: 1, name: file.into() },
            links: vec![Place { folder: 0, name: link.into() }],
            kind: FileKind::Fifo,
            attributes: Attributes::default(),
            group: 0,
            is_critical: false,
        }],
        ranges: Vec::new(),
    };
    let opened =
        |section: &Section| Section::open(&key(), 1, true, &section.seal(&key(), 1, true).unwrap());
    let good = section(b"a/b", b"c", b"d");
    assert_eq!(opened(&good), Ok(good));
    for bad in [&b".."[..], b".", b"", b"a/b", b"/a", b"a\0", b"../a"] {
        for section in [section(b"a", bad, b"d"), section(b"a", b"c", bad)] {
            assert!(matches!(opened(&section), Err(PlanError::Malformed(_))), "{bad:?}");
        }
        let folders = Folders { folders: vec![(bad.into(), Attributes::default())] };
        let read = Folders::open(&key(), 1, true, &folders.seal(&key(), 1, true).unwrap());
        assert_eq!(read.is_err(), bad != b"a/b", "{bad:?}");
    }
    for bad in [&b"/"[..], b"/etc", b"a//b", b"a/", b"..", b"a/../b", b"./a", b"a/.", b"a\0"] {
        let refused = opened(&section(bad, b"c", b"d"));
        assert!(matches!(refused, Err(PlanError::Malformed(_))), "{bad:?}");
    }
}

/// One file of so many bytes, and the blob that fills it.
fn one_blob(size: u64, blob: Blob) -> Section {
    Section {
        folders: vec![Folder::default()],
        files: vec![File {
            place: Place { folder: 0, name: b"f"[..].into() },
            links: Vec::new(),
            kind: FileKind::Regular { size, writes: 1, shared: None },
            attributes: Attributes::default(),
            group: 0,
            is_critical: false,
        }],
        ranges: vec![Range { pack: 0, blobs: vec![blob] }],
    }
}

/// A blob at the beginning of its pack, whose contents go here in the file.
fn blob(length: u32, offset: u64) -> Blob {
    Blob {
        offset: 0,
        length,
        raw_length: None,
        id: Id::of(b""),
        targets: vec![Target { file: 0, offset }],
        spare: None,
    }
}

#[test]
fn a_blob_outside_of_its_file_is_refused() {
    for (size, offset, length, is_good) in [
        (10, 0, 42, true),
        (10, 1, 42, false),
        (10, u64::MAX, 42, false),
        (10, 0, 43, false),
        (10, 0, 31, false),
        (u64::MAX, 0, MAX_BLOB + 1, false),
    ] {
        let sealed = one_blob(size, blob(length, offset)).seal(&key(), 1, false).unwrap();
        assert_eq!(Section::open(&key(), 1, false, &sealed).is_ok(), is_good, "{size} {offset}");
    }
}

#[test]
fn a_spare_of_other_contents_is_refused() {
    for (length, offset, raw_length, is_good) in [
        (42, 7, 0, true),
        (60, 7, 10, true),
        (60, 7, 0, false),
        (42, 7, 9, false),
        (42, u32::MAX, 0, false),
        (31, 7, 10, false),
    ] {
        let raw_length = NonZeroU32::new(raw_length);
        let spare = Some(Box::new(Spare { pack: 1, offset, length, raw_length }));
        let section = one_blob(10, Blob { spare, ..blob(42, 0) });
        let sealed = section.seal(&key(), 1, false).unwrap();
        let opened = Section::open(&key(), 1, false, &sealed);
        assert_eq!(opened.is_ok(), is_good, "{length} {offset} {raw_length:?}");
    }
}

#[test]
fn a_file_takes_about_sixty_bytes() {
    let noise = |i: u32| Id::of(&i.to_le_bytes());
    let files: Vec<File> = (0..4096u32)
        .map(|i| File {
            place: Place { folder: i / 40, name: format!("module_{i}.py").into_bytes().into() },
            links: Vec::new(),
            kind: FileKind::Regular { size: 2500 + u64::from(i % 999), writes: 1, shared: None },
            attributes: Attributes {
                mode: 0o644,
                modified: Moment {
                    seconds: 1_700_000_000 + i64::from(i * 7919 % 9973),
                    nanoseconds: u32::from_le_bytes(noise(i).as_bytes()[..4].try_into().unwrap())
                        % 1_000_000_000,
                },
                ..Attributes::default()
            },
            group: i / 1000,
            is_critical: false,
        })
        .collect();
    let folders = (0..103)
        .map(|i| Folder {
            path: format!("workspace/venv/lib/package_{i}").into_bytes().into(),
            mode: 0o755,
            ..Folder::default()
        })
        .collect();
    let mut offset = 0;
    let blobs = (0..4096u32)
        .map(|i| {
            let length = 1000 + i * 31 % 700;
            offset += length;
            Blob {
                offset: offset - length,
                length,
                raw_length: NonZeroU32::new(2500 + i % 999),
                id: noise(i + 5000),
                targets: vec![Target { file: i, offset: 0 }],
                spare: None,
            }
        })
        .collect();
    let section = Section { folders, files, ranges: vec![Range { pack: 0, blobs }] };
    let sealed = section.seal(&key(), 1, false).unwrap();
    let each = sealed.len() / 4096;
    assert!(each <= 60, "{each}");
    assert_eq!(Section::open(&key(), 1, false, &sealed), Ok(section));
}

proptest! {
    #[test]
    fn a_section_is_read_back(section in section(), place: u32, is_last: bool) {
        let section = Section {
            files: section
                .files
                .into_iter()
                .map(|mut file| {
                    // Never accessed at a time that cannot be told.
                    file.attributes.accessed.seconds = file.attributes.modified.seconds;
                    file
                })
                .collect(),
            ..section
        };
        let sealed = section.seal(&key(), place, is_last).unwrap();
        prop_assert_eq!(Section::open(&key(), place, is_last, &sealed), Ok(section));
    }

    #[test]
    fn folders_are_read_back(
        folders in prop::collection::vec(
            (path().prop_filter("below", |path| !path.is_empty()), attributes()), 0..6),
        place: u32,
    ) {
        let folders = Folders { folders };
        let sealed = folders.seal(&key(), place, true).unwrap();
        prop_assert_eq!(Folders::open(&key(), place, true, &sealed), Ok(folders));
    }

    #[test]
    fn a_header_is_read_back(header in header()) {
        let sealed = header.seal(&key()).unwrap();
        prop_assert_eq!(Header::open(&key(), &sealed), Ok(header));
    }

    #[test]
    fn reading_never_panics(text in any::<Vec<u8>>(), hashes in any::<Vec<u8>>()) {
        let _ = Header::parse(&text, &hashes);
        let _ = Section::parse(&text, &hashes);
        let _ = Folders::parse(&text, &[]);
    }

    #[test]
    fn reading_damage_never_panics(
        section in section(),
        at in any::<prop::sample::Index>(),
        byte: u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let piece = section.encode();
        let mut text = piece.text.0;
        let at = at.index(text.len());
        text[at] = byte;
        let _ = Section::parse(&text, &piece.noise);
        text.truncate(cut.index(text.len()));
        prop_assert!(Section::parse(&text, &piece.noise).is_err());
    }
}
