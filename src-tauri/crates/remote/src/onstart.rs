//! The script a container runs when it starts: the run's key, the machine's
//! proof, and the recipe's own lines.

use secrecy::SecretString;

use crate::LaneSecret;

/// The fixed part.
const BODY: &str = include_str!("../scripts/onstart.sh");

const FIRST: &str = "#!/bin/sh\n";

/// One lane's onstart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onstart {
    /// The lane's secret.
    pub secret: LaneSecret,
    /// The run's public key.
    pub key: String,
    /// The recipe's own lines.
    pub addition: String,
}

impl Onstart {
    /// The script's text. Secret: whoever reads it can pose as the machine.
    #[must_use]
    pub fn render(&self) -> SecretString {
        let Self { secret, key, addition } = self;
        let mut text = format!("{FIRST}S={}\nK='{}'\n{BODY}", secret.hex(), key.replace('\'', ""));
        if !addition.is_empty() {
            text.push_str(addition);
            text.push('\n');
        }
        SecretString::from(text)
    }

    /// How many characters a recipe may add, within a cloud's limit.
    #[must_use]
    pub fn room(limit: usize, key: &str) -> usize {
        let fixed = FIRST.len() + "S=\nK=''\n\n".len() + 64 + key.len() + BODY.len();
        limit.saturating_sub(fixed)
    }

    /// Reads a script of ours; for machines that carry it out without a shell.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(FIRST)?.strip_prefix("S=")?;
        let (secret, rest) = rest.split_once("\nK='")?;
        let (key, rest) = rest.split_once("'\n")?;
        let addition = rest.strip_prefix(BODY)?;
        Some(Self {
            secret: LaneSecret::from_hex(secret)?,
            key: key.to_owned(),
            addition: addition.trim_end_matches('\n').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn it_is_read_back_and_fits_the_clouds_limit() {
        let onstart = Onstart {
            secret: LaneSecret::fresh(),
            key: crate::Identity::fresh().unwrap().public(),
            addition: "echo hello\necho world".into(),
        };
        let text = onstart.render();
        assert!(text.expose_secret().len() <= 4_000, "{}", text.expose_secret().len());
        assert_eq!(Onstart::parse(text.expose_secret()), Some(onstart.clone()));
        assert!(Onstart::room(4_000, &onstart.key) > 500);
        assert_eq!(Onstart::parse("touch /ready"), None);
    }
}
