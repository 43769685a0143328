//! Everything that reads what others wrote, by the name of its fuzz target.
//! Whatever comes in, it must come back: without a panic, without an endless
//! loop, without eating the memory. What is read and can be written is read
//! again.

use agent::event::Control;
use agent::plan::{Folders, Header, Section};
use agent::ticket::{Object, Source, Ticket};
use restic::{Config, Id, Index, Key, KeyFile, PackHeader, Snapshot, Time, Tree};

pub type Parser = fn(&[u8]);

/// All parsers.
pub const ALL: [(&str, Parser); 15] = [
    ("blob", blob),
    ("config", config),
    ("control", control),
    ("index", index),
    ("key_file", key_file),
    ("pack_header", pack_header),
    ("plan_folders", plan_folders),
    ("plan_header", plan_header),
    ("plan_section", plan_section),
    ("sealed", sealed),
    ("snapshot", snapshot),
    ("ticket", ticket),
    ("time", time),
    ("tree", tree),
    ("unquote", unquote),
];

pub fn blob(data: &[u8]) {
    let _ = restic::decompress(data, 1 << 20);
}

pub fn config(data: &[u8]) {
    if let Ok(config) = Config::parse(data) {
        let again = config.to_json().and_then(|json| Config::parse(&json));
        assert_eq!(again, Ok(config));
    }
}

pub fn control(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Control::parse(text);
    }
}

pub fn index(data: &[u8]) {
    if let Ok(index) = Index::parse(data) {
        let again = index.to_json().and_then(|json| Index::parse(&json));
        assert_eq!(again, Ok(index));
    }
}

pub fn key_file(data: &[u8]) {
    let _ = Key::parse(data);
    if let Ok(key) = KeyFile::parse(data) {
        let again = key.to_json().and_then(|json| KeyFile::parse(&json));
        assert_eq!(again, Ok(key));
    }
}

pub fn pack_header(data: &[u8]) {
    let _ = PackHeader::parse(data);
    let _ = PackHeader::open(&Key::from_bytes(&[3; Key::LEN]), data);
}

/// The first byte tells how many hashes stand behind it.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let Some((count, rest)) = data.split_first() else { return (&[], &[]) };
    let (hashes, text) = rest.split_at(rest.len().min(usize::from(*count) * 32));
    (text, hashes)
}

pub fn plan_folders(data: &[u8]) {
    let _ = Folders::parse(data, &[]);
}

pub fn plan_header(data: &[u8]) {
    let (text, hashes) = split(data);
    let _ = Header::parse(text, hashes);
}

pub fn plan_section(data: &[u8]) {
    let (text, hashes) = split(data);
    let Ok(section) = Section::parse(text, hashes) else { return };
    let key = Key::from_bytes(&[3; Key::LEN]);
    let again = section.seal(&key, 1, true).map(|sealed| Section::open(&key, 1, true, &sealed));
    assert_eq!(again, Ok(Ok(section)));
}

pub fn sealed(data: &[u8]) {
    let key = Key::from_bytes(&[3; Key::LEN]);
    let _ = Snapshot::open(&key, data);
    let _ = Header::open(&key, data);
    // What is authentic may be nonsense all the same.
    let sealed = key.seal(&[1; 16], data);
    let _ = Index::open(&key, &sealed);
    let _ = Snapshot::open(&key, &sealed);
}

pub fn snapshot(data: &[u8]) {
    if let Ok(snapshot) = Snapshot::parse(data) {
        let again = snapshot.to_json().and_then(|json| Snapshot::parse(&json));
        assert_eq!(again, Ok(snapshot));
    }
}

pub fn ticket(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(ticket) = Ticket::parse(text) else { return };
    if let Source::Signed(signed) = &ticket.source {
        for object in [Object::Plan(&ticket.plan), Object::Pack(0, Id::of(b""))] {
            if let Some(url) = signed.path_and_query(object) {
                assert!(url.starts_with('/'));
                assert!(url.bytes().all(|c| c.is_ascii_graphic()));
            }
        }
    }
    let json = ticket.to_json().expect("a ticket is written");
    let again = Ticket::parse(&json).and_then(|again| again.to_json());
    assert_eq!(again, Ok(json));
}

pub fn time(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(time) = text.parse::<Time>()
    {
        assert_eq!(time.to_string().parse(), Ok(time));
    }
}

pub fn tree(data: &[u8]) {
    if let Ok(tree) = Tree::parse(data) {
        assert_eq!(Tree::parse(&tree.to_json()), Ok(tree));
    }
}

pub fn unquote(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(bytes) = restic::unquote(text)
    {
        assert_eq!(restic::unquote(&restic::quote(&bytes)), Ok(bytes));
    }
}
