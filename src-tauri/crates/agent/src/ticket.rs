//! What a machine is handed so that it can carry out one plan, and nothing
//! else: where the plan and its packs are, a signature for reading each of
//! them, and the keys that open them. It comes on standard input, is kept in
//! memory only, and expires.
//!
//! The desktop signs; from a date, a scope and 32 bytes a pack the machine
//! puts the URLs together again (AWS Signature Version 4, query form). Its
//! clock does not matter for that.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use restic::{Id, Key};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::RawPath;

/// The only version so far.
const VERSION: u32 = 1;
/// Bytes of a signature.
const SIGNATURE: usize = 32;
/// No more ranges than this are asked for before the plan is there.
const MAX_FIRST: usize = 256;

/// Why a ticket could not be read. The texts read after "failed to …" and
/// never quote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// No JSON, or of another shape.
    #[error("read the ticket: unexpected JSON in column {column}")]
    Json {
        /// Column, from 1.
        column: usize,
    },
    /// It contradicts itself.
    #[error("read the ticket: {0}")]
    Malformed(&'static str),
}

/// The right to read one plan and its packs.
#[derive(Clone)]
pub struct Ticket {
    /// Where everything lies.
    pub source: Source,
    /// The plan's name below `plans/`.
    pub plan: String,
    /// The key that the plan is sealed with.
    pub plan_key: Key,
    /// Bytes of the plan's header, sealed.
    pub header_length: u32,
    /// Bytes of the plan that are worth fetching at once.
    pub head_length: u64,
    /// The repository's key, which opens every blob.
    pub data_key: Key,
    /// The first ranges of the plan, so that they are asked for before it is
    /// there.
    pub first: Vec<FirstRange>,
    /// The first packs of the plan, which these ranges are of.
    pub first_packs: Vec<Id>,
}

/// A range of a pack: the pack by its place in the plan, offset, length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstRange(pub u32, pub u32, pub u32);

/// Where plan and packs lie.
#[derive(Clone)]
pub enum Source {
    /// The folder of a repository on this computer.
    Folder(RawPath),
    /// An S3 bucket, read with signed URLs.
    Signed(Signed),
}

/// What the URLs are put together from.
#[derive(Clone)]
pub struct Signed {
    /// Scheme, host and port, and the path up to the repository's own folder
    /// with a slash behind it, escaped.
    pub base: String,
    /// Id of the key that signed.
    pub access_key_id: String,
    /// Session token of the key that signed, where it has one.
    pub session_token: Option<Zeroizing<String>>,
    /// `auto/s3/aws4_request`; the day before it is that of the date.
    pub scope: String,
    /// Seconds that the URLs are good for, from their dates.
    pub expires_s: u32,
    /// `20261123T120000Z`, with how many of the signatures are of that date.
    pub dates: Vec<(String, u32)>,
    /// The plan's signature, then each pack's in the plan's order.
    pub signatures: Zeroizing<Vec<[u8; SIGNATURE]>>,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => f.debug_tuple("Folder").field(path).finish(),
            Self::Signed(_) => f.write_str("Signed(…)"),
        }
    }
}

/// An object that a ticket opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'a> {
    /// The plan of this name.
    Plan(&'a str),
    /// The pack of this id, by its place in the plan.
    Pack(u32, Id),
}

impl Object<'_> {
    /// Its name below the repository's folder.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Plan(name) => format!("plans/{name}"),
            Self::Pack(_, id) => format!("data/{:.2}/{id}", id.to_string()),
        }
    }
}

impl Signed {
    /// The URL of an object, without scheme and host; `None` if it is none of
    /// this ticket's. A secret: whoever has it can read the object.
    #[must_use]
    pub fn path_and_query(&self, object: Object<'_>) -> Option<Zeroizing<String>> {
        let place = match object {
            Object::Plan(_) => 0,
            Object::Pack(place, _) => place as usize + 1,
        };
        let signature = self.signatures.get(place)?;
        let mut left = place;
        let (date, _) = self.dates.iter().find(|(_, count)| {
            let found = left < *count as usize;
            left = left.saturating_sub(*count as usize);
            found
        })?;
        let day = date.get(..8)?;
        let credential = escape(&format!("{}/{day}/{}", self.access_key_id, self.scope));
        let mut url = Zeroizing::new(String::with_capacity(512));
        url.push_str(self.path());
        url.push_str(&object.name());
        url.push_str("?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
        url.push_str(&credential);
        url.push_str("&X-Amz-Date=");
        url.push_str(date);
        url.push_str("&X-Amz-Expires=");
        url.push_str(&self.expires_s.to_string());
        url.push_str("&X-Amz-SignedHeaders=host");
        if let Some(token) = &self.session_token {
            url.push_str("&X-Amz-Security-Token=");
            url.push_str(&Zeroizing::new(escape(token)));
        }
        url.push_str("&X-Amz-Signature=");
        for byte in signature {
            url.push(hex(byte >> 4));
            url.push(hex(byte & 15));
        }
        Some(url)
    }

    /// Whether to speak TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.base.starts_with("https://")
    }

    /// Host, and port where the URL names one.
    #[must_use]
    pub fn authority(&self) -> &str {
        let rest = self.base.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    fn path(&self) -> &str {
        let rest = self.base.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("/", |at| &rest[at..])
    }

    fn check(&self) -> Result<(), TicketError> {
        let host = self.authority();
        let is_plain = |text: &str| text.bytes().all(|c| c.is_ascii_graphic());
        let is_url = (self.is_https() || self.base.starts_with("http://"))
            && !host.is_empty()
            && !host.contains('@')
            && is_plain(&self.base)
            && self.base.ends_with('/')
            && !self.base.contains(['?', '#']);
        if !is_url {
            return Err(TicketError::Malformed("its address makes no sense"));
        }
        let signed = self.dates.iter().map(|(_, count)| u64::from(*count)).sum::<u64>();
        if signed != self.signatures.len() as u64 || signed == 0 {
            return Err(TicketError::Malformed("its dates do not match its signatures"));
        }
        let is_date = |(date, _): &(String, u32)| {
            date.len() == 16 && date.bytes().all(|c| c.is_ascii_alphanumeric())
        };
        if !self.dates.iter().all(is_date) || !is_plain(&self.access_key_id) {
            return Err(TicketError::Malformed("its signatures make no sense"));
        }
        Ok(())
    }
}

const fn hex(digit: u8) -> char {
    match digit {
        0..=9 => (b'0' + digit) as char,
        _ => (b'a' + digit - 10) as char,
    }
}

/// Escapes a value of a query as the signature wants it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                out.push(hex(byte >> 4).to_ascii_uppercase());
                out.push(hex(byte & 15).to_ascii_uppercase());
            }
        }
    }
    out
}

#[derive(Serialize, Deserialize)]
struct TicketJson {
    version: u32,
    source: SourceJson,
    plan: String,
    plan_key: String,
    header_length: u32,
    head_length: u64,
    data_key: String,
    #[serde(default)]
    first: Vec<FirstRange>,
    #[serde(default)]
    first_packs: Vec<Id>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceJson {
    Folder(RawPath),
    Signed(SignedJson),
}

#[derive(Serialize, Deserialize)]
struct SignedJson {
    base: String,
    access_key_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
    scope: String,
    expires_s: u32,
    dates: Vec<(String, u32)>,
    signatures: String,
}

impl Drop for TicketJson {
    fn drop(&mut self) {
        self.plan_key.zeroize();
        self.data_key.zeroize();
        if let SourceJson::Signed(signed) = &mut self.source {
            signed.session_token.zeroize();
            signed.signatures.zeroize();
        }
    }
}

fn read_key(text: &str) -> Result<Key, TicketError> {
    let mut bytes = Zeroizing::new([0; Key::LEN + 2]);
    match BASE64.decode_slice(text, bytes.as_mut_slice()) {
        Ok(Key::LEN) => {
            let key = bytes.first_chunk().ok_or(TicketError::Malformed("a key is cut off"))?;
            Ok(Key::from_bytes(key))
        }
        _ => Err(TicketError::Malformed("a key is none")),
    }
}

impl Ticket {
    /// Reads its JSON.
    ///
    /// # Errors
    /// [`TicketError`].
    pub fn parse(json: &str) -> Result<Self, TicketError> {
        serde_json::from_str::<TicketJson>(json)
            .map_err(|error| TicketError::Json { column: error.column() })?
            .try_into()
    }

    /// Writes it as JSON in one line: a secret.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<Zeroizing<String>, TicketError> {
        let json = serde_json::to_string(&TicketJson::from(self));
        json.map(Zeroizing::new).map_err(|_| TicketError::Malformed("it cannot be written"))
    }
}

impl From<&Ticket> for TicketJson {
    fn from(ticket: &Ticket) -> Self {
        let key = |key: &Key| BASE64.encode(key.to_bytes().as_slice());
        let source = match &ticket.source {
            Source::Folder(path) => SourceJson::Folder(path.clone()),
            Source::Signed(signed) => SourceJson::Signed(SignedJson {
                base: signed.base.clone(),
                access_key_id: signed.access_key_id.clone(),
                session_token: signed.session_token.as_ref().map(|token| token.to_string()),
                scope: signed.scope.clone(),
                expires_s: signed.expires_s,
                dates: signed.dates.clone(),
                signatures: BASE64.encode(signed.signatures.as_flattened()),
            }),
        };
        Self {
            version: VERSION,
            source,
            plan: ticket.plan.clone(),
            plan_key: key(&ticket.plan_key),
            header_length: ticket.header_length,
            head_length: ticket.head_length,
            data_key: key(&ticket.data_key),
            first: ticket.first.clone(),
            first_packs: ticket.first_packs.clone(),
        }
    }
}

impl TryFrom<TicketJson> for Ticket {
    type Error = TicketError;

    fn try_from(json: TicketJson) -> Result<Self, TicketError> {
        if json.version != VERSION {
            return Err(TicketError::Malformed("its version is unknown"));
        }
        let is_name = !json.plan.is_empty() && json.plan.bytes().all(|c| c.is_ascii_alphanumeric());
        if !is_name {
            return Err(TicketError::Malformed("the plan's name is none"));
        }
        let is_known = |first: &FirstRange| {
            (first.0 as usize) < json.first_packs.len() && first.1.checked_add(first.2).is_some()
        };
        if json.first.len() > MAX_FIRST || !json.first.iter().all(is_known) {
            return Err(TicketError::Malformed("its first ranges make no sense"));
        }
        let source = match &json.source {
            SourceJson::Folder(path) => Source::Folder(path.clone()),
            SourceJson::Signed(signed) => {
                let bytes = BASE64
                    .decode(&signed.signatures)
                    .map_err(|_| TicketError::Malformed("its signatures make no sense"))?;
                let bytes = Zeroizing::new(bytes);
                let (signatures, rest) = bytes.as_chunks::<SIGNATURE>();
                if !rest.is_empty() {
                    return Err(TicketError::Malformed("its signatures are cut off"));
                }
                let signed = Signed {
                    base: signed.base.clone(),
                    access_key_id: signed.access_key_id.clone(),
                    session_token: signed.session_token.clone().map(Zeroizing::new),
                    scope: signed.scope.clone(),
                    expires_s: signed.expires_s,
                    dates: signed.dates.clone(),
                    signatures: Zeroizing::new(signatures.to_vec()),
                };
                signed.check()?;
                Source::Signed(signed)
            }
        };
        Ok(Self {
            source,
            plan: json.plan.clone(),
            plan_key: read_key(&json.plan_key)?,
            header_length: json.header_length,
            head_length: json.head_length,
            data_key: read_key(&json.data_key)?,
            first: json.first.clone(),
            first_packs: json.first_packs.clone(),
        })
    }
}

impl Serialize for Ticket {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TicketJson::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ticket {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TicketJson::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticket(signatures: usize) -> Ticket {
        Ticket {
            source: Source::Signed(Signed {
                base: "https://host:9000/bucket/my%20folder/".into(),
                access_key_id: "AKID+SECRET".into(),
                session_token: Some(Zeroizing::new("SECRET/token=".into())),
                scope: "auto/s3/aws4_request".into(),
                expires_s: 3600,
                dates: vec![
                    ("20261123T120000Z".into(), 2),
                    ("20261123T120001Z".into(), signatures as u32 - 2),
                ],
                signatures: Zeroizing::new((0..signatures).map(|i| [i as u8; 32]).collect()),
            }),
            plan: "abc".into(),
            plan_key: Key::from_bytes(&[3; 64]),
            header_length: 100,
            head_length: 200,
            data_key: Key::from_bytes(&[4; 64]),
            first: vec![FirstRange(0, 10, 20)],
            first_packs: vec![Id::of(b"pack")],
        }
    }

    #[test]
    fn a_ticket_is_read_back() {
        let json = ticket(4).to_json().unwrap();
        assert!(!json.contains('\n'));
        assert_eq!(Ticket::parse(&json).unwrap().to_json().unwrap(), json);
        let folder = Ticket { source: Source::Folder(b"/srv/\xff"[..].into()), ..ticket(4) };
        let json = folder.to_json().unwrap();
        assert_eq!(Ticket::parse(&json).unwrap().to_json().unwrap(), json);
    }

    #[test]
    fn a_ticket_never_shows() {
        assert_eq!(format!("{:?} {:?}", ticket(4), ticket(4).source), "Ticket(…) Signed(…)");
        let json = ticket(4).to_json().unwrap();
        for damaged in [json.replace("version", "version2"), json.replace("64", "\u{1}")] {
            if let Err(error) = Ticket::parse(&damaged) {
                assert!(!error.to_string().contains("SECRET"));
            }
        }
    }

    #[test]
    fn urls_are_put_together_again() {
        let Source::Signed(signed) = ticket(4).source else { unreachable!() };
        assert_eq!(signed.authority(), "host:9000");
        assert!(signed.is_https());
        let id = Id::of(b"");
        let url = signed.path_and_query(Object::Pack(1, id)).unwrap();
        assert_eq!(
            *url,
            format!(
                "/bucket/my%20folder/data/e3/{id}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=\
                 AKID%2BSECRET%2F20261123%2Fauto%2Fs3%2Faws4_request&X-Amz-Date=20261123T120001Z&\
                 X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=SECRET%2Ftoken%3D&\
                 X-Amz-Signature={}",
                "02".repeat(32)
            )
        );
        let plan = signed.path_and_query(Object::Plan("abc")).unwrap();
        assert!(plan.starts_with("/bucket/my%20folder/plans/abc?"));
        assert!(plan.contains("T120000Z") && plan.ends_with(&"00".repeat(32)));
        assert_eq!(signed.path_and_query(Object::Pack(3, id)), None);
    }

    #[test]
    fn a_ticket_that_contradicts_itself_is_refused() {
        let json = ticket(4).to_json().unwrap();
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("https://host", "ftp://host"),
            ("https://host", "https://user@host"),
            ("folder/\"", "folder\""),
            ("T120000Z\",2", "T120000Z\",3"),
            ("T120000Z", "T12&000Z"),
            ("\"plan\":\"abc\"", "\"plan\":\"../abc\""),
            ("\"plan\":\"abc\"", "\"plan\":\"\""),
            ("AKID+", "AKID "),
        ] {
            let damaged = json.replacen(from, to, 1);
            assert_ne!(*json, damaged);
            assert!(Ticket::parse(&damaged).is_err(), "{to}");
        }
    }

    proptest! {
        #[test]
        fn reading_a_ticket_never_panics(text in any::<String>()) {
            let _ = Ticket::parse(&text);
        }

        #[test]
        fn reading_a_damaged_ticket_never_panics(
            at in any::<prop::sample::Index>(),
            byte in 0u8..0x80,
        ) {
            let mut json = ticket(4).to_json().unwrap().as_bytes().to_vec();
            let at = at.index(json.len());
            json[at] = byte;
            if let Ok(ticket) = Ticket::parse(std::str::from_utf8(&json).unwrap())
                && let Source::Signed(signed) = ticket.source
            {
                let _ = signed.path_and_query(Object::Plan("abc"));
            }
        }
    }
}
