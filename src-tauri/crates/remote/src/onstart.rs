//! The script a container runs when it starts: the run's key, the machine's
//! proof, the tool that restores, the dead-man's switch, and the recipe's own lines.

use std::sync::LazyLock;

use model::At;
use secrecy::SecretString;

use crate::LaneSecret;

/// The fixed part, without what is only for reading.
static BODY: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("../scripts/onstart.sh").lines().map(str::trim_start);
    let said = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    said.fold(String::new(), |body, line| body + line + "\n")
});

const FIRST: &str = "#!/bin/sh\n";

/// One lane's onstart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onstart {
    /// The lane's secret.
    pub secret: LaneSecret,
    /// The run's public key.
    pub key: String,
    /// The tool that restores, fetched while the machine boots.
    pub fetch: Option<Fetch>,
    /// The dead-man's switch (rules.md T3).
    pub deadman: Option<Deadman>,
    /// The recipe's own lines.
    pub addition: String,
}

/// Where the tool that restores is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Its name in our folder there: `agent` or `restic`.
    pub name: String,
    /// A signed address that reads this one object.
    pub url: String,
    /// What it hashes to.
    pub sha256: String,
}

/// When a machine ends itself (rules.md T3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadman {
    /// Base address of the cloud's API.
    pub api: String,
    /// A machine that comes to life after this is not waited for.
    pub not_after: At,
    /// How long a racer lives without a word.
    pub lease_s: u32,
}

impl Onstart {
    /// One that only lets us in and proves the machine.
    #[must_use]
    pub const fn new(secret: LaneSecret, key: String) -> Self {
        Self { secret, key, fetch: None, deadman: None, addition: String::new() }
    }

    /// The script's text. Secret: whoever reads it can pose as the machine.
    #[must_use]
    pub fn render(&self) -> SecretString {
        SecretString::from(self.text())
    }

    /// The script within a cloud's limit: where it would be too long, without
    /// fetching the tool, which then comes over SSH. `None` where even that is
    /// too long: the recipe's own lines are.
    #[must_use]
    pub fn render_within(&self, limit: usize) -> Option<SecretString> {
        let whole = self.text();
        if whole.chars().count() <= limit {
            return Some(whole.into());
        }
        let short = Self { fetch: None, ..self.clone() }.text();
        (short.chars().count() <= limit).then(|| short.into())
    }

    fn text(&self) -> String {
        use std::fmt::Write as _;
        let Self { secret, key, fetch, deadman, addition } = self;
        // Every name is assigned: the image may export others of the same.
        let quoted = |text: &str| format!("'{}'", text.replace('\'', ""));
        let (url, sha256, name) =
            fetch.as_ref().map_or(("", "", ""), |fetch| (&fetch.url, &fetch.sha256, &fetch.name));
        let mut text = format!(
            "{FIRST}S={}\nK={}\nU={}\nX={sha256}\nG={name}\n",
            secret.hex(),
            quoted(key),
            quoted(url),
        );
        let _ = match deadman {
            Some(Deadman { api, not_after, lease_s }) => {
                let api = quoted(api.trim_end_matches('/'));
                writeln!(text, "A={api}\nN={}\nL={lease_s}", digits(*not_after))
            }
            None => writeln!(text, "A=\nN=\nL="),
        };
        text.push_str(&BODY);
        if !addition.is_empty() {
            text.push_str(addition);
            text.push('\n');
        }
        text
    }

    /// How many characters a recipe may add, within a cloud's limit, when the
    /// tool is not fetched.
    #[must_use]
    pub fn room(&self, limit: usize) -> usize {
        let bare = Self { fetch: None, addition: String::new(), ..self.clone() };
        limit.saturating_sub(bare.text().chars().count() + 1)
    }

    /// Reads a script of ours; for machines that carry it out without a shell.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix(FIRST)?;
        let mut next = |name: &str| {
            let (value, after) = rest.strip_prefix(name)?.strip_prefix('=')?.split_once('\n')?;
            rest = after;
            Some(value.trim_matches('\'').to_owned())
        };
        let secret = LaneSecret::from_hex(&next("S")?)?;
        let key = next("K")?;
        let (url, sha256, name) = (next("U")?, next("X")?, next("G")?);
        let (api, not_after, lease_s) = (next("A")?, next("N")?, next("L")?);
        let addition = rest.strip_prefix(BODY.as_str())?;
        let deadman = if api.is_empty() {
            None
        } else {
            let not_after = moment(&not_after)?;
            Some(Deadman { api, not_after, lease_s: lease_s.parse().ok()? })
        };
        Some(Self {
            secret,
            key,
            fetch: (!url.is_empty()).then_some(Fetch { name, url, sha256 }),
            deadman,
            addition: addition.trim_end_matches('\n').to_owned(),
        })
    }
}

/// `YYYYMMDDhhmmss`: what a shell can compare as a number.
fn digits(at: At) -> String {
    at.to_string().chars().filter(char::is_ascii_digit).take(14).collect()
}

fn moment(digits: &str) -> Option<At> {
    let part = |range: std::ops::Range<usize>| digits.get(range);
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(8..10)?,
        part(10..12)?,
        part(12..14)?
    );
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const LIMIT: usize = 4_000;

    fn onstart() -> Onstart {
        Onstart {
            fetch: Some(Fetch {
                name: "agent".into(),
                url: format!(
                    "https://account.example/bucket/tools/agent?X-Amz-Signature={}",
                    "0".repeat(450)
                ),
                sha256: "0".repeat(64),
            }),
            deadman: Some(Deadman {
                api: "https://console.vast.ai".into(),
                not_after: At::from_unix_ms(1_795_435_200_000),
                lease_s: 300,
            }),
            addition: "echo hello\necho world".into(),
            ..Onstart::new(LaneSecret::fresh(), crate::Identity::fresh().unwrap().public())
        }
    }

    #[test]
    fn it_is_read_back_and_fits_the_clouds_limit() {
        for onstart in [onstart(), Onstart { fetch: None, deadman: None, ..onstart() }] {
            let text = onstart.render();
            assert!(text.expose_secret().len() <= LIMIT, "{}", text.expose_secret().len());
            assert_eq!(Onstart::parse(text.expose_secret()), Some(onstart));
        }
        assert_eq!(Onstart::parse("touch /ready"), None);
        assert_eq!(digits(At::from_unix_ms(1_795_435_200_000)), "20261123120000");
    }

    #[test]
    fn a_recipe_has_room_and_the_agent_gives_way_to_it() {
        let bare = Onstart { addition: String::new(), ..onstart() };
        let room = bare.room(LIMIT);
        assert!(room > 800, "{room}");
        let long = Onstart { addition: "x".repeat(room), ..bare.clone() };
        let text = long.render_within(LIMIT).unwrap();
        assert_eq!(Onstart::parse(text.expose_secret()).unwrap().fetch, None);
        let whole = onstart();
        let text = whole.render_within(LIMIT).unwrap();
        assert_eq!(Onstart::parse(text.expose_secret()), Some(whole));
        let too_long = Onstart { addition: "x".repeat(room + 1), ..bare };
        assert!(too_long.render_within(LIMIT).is_none());
    }

    #[test]
    fn nothing_of_it_breaks_out_of_its_quotes() {
        let odd = Onstart::new(LaneSecret::fresh(), "ssh-ed25519 A'; touch /x; '".into());
        assert!(!odd.render().expose_secret().contains("A'"));
    }
}
