//! The desktop's words outside the page: tray, notifications, dialogs of the
//! system. They live with the page's own, in `ui/src/locales`, and so do the
//! figures' looks.

use std::sync::LazyLock;

use model::{Code, Language, Money, Rate};
use serde_json::Value;

/// A language the desktop speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// English.
    English,
    /// Brazilian Portuguese.
    Portuguese,
}

struct Words {
    desktop: Value,
    errors: Value,
}

fn read(desktop: &str, errors: &str) -> Words {
    let parse = |text: &str| serde_json::from_str(text).unwrap_or_default();
    Words { desktop: parse(desktop), errors: parse(errors) }
}

static ENGLISH: LazyLock<Words> = LazyLock::new(|| {
    read(
        include_str!("../../ui/src/locales/en/desktop.json"),
        include_str!("../../ui/src/locales/en/errors.json"),
    )
});
static PORTUGUESE: LazyLock<Words> = LazyLock::new(|| {
    read(
        include_str!("../../ui/src/locales/pt-BR/desktop.json"),
        include_str!("../../ui/src/locales/pt-BR/errors.json"),
    )
});

impl Speech {
    /// What the user chose, or the system speaks.
    pub(crate) fn of(language: Language) -> Self {
        match language {
            Language::English => Self::English,
            Language::Portuguese => Self::Portuguese,
            Language::System => match sys_locale::get_locale() {
                Some(tag) if tag.to_ascii_lowercase().starts_with("pt") => Self::Portuguese,
                _ => Self::English,
            },
        }
    }

    fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Portuguese => &PORTUGUESE,
        }
    }

    /// A sentence, `{{name}}` filled in.
    pub(crate) fn say(self, key: &str, figures: &[(&str, &str)]) -> String {
        let key = key.strip_prefix("desktop.").unwrap_or(key);
        fill(find(&self.words().desktop, key), figures)
    }

    /// The same, in the form this number asks for.
    pub(crate) fn count(self, key: &str, number: usize, figures: &[(&str, &str)]) -> String {
        // Portuguese counts nought as one.
        let one = number == 1 || (number == 0 && self == Self::Portuguese);
        let key = format!("{key}_{}", if one { "one" } else { "other" });
        let text = number.to_string();
        let mut all = vec![("count", text.as_str())];
        all.extend_from_slice(figures);
        self.say(&key, &all)
    }

    /// What an error is called.
    pub(crate) fn title(self, code: Code) -> &'static str {
        find(&self.words().errors, &format!("{code}.title"))
    }

    /// `$0.412`, `US$ 0,412`: three digits under ten cents, never rounded down.
    pub(crate) fn money(self, money: Money) -> String {
        self.local(&money.to_string())
    }

    /// `$0.412 /h`: three digits under a dollar.
    pub(crate) fn per_hour(self, rate: Rate) -> String {
        let mills = rate.micros_per_hour().div_ceil(1_000);
        let text = if mills < 1_000 {
            format!("$0.{mills:03}")
        } else {
            let cents = rate.micros_per_hour().div_ceil(10_000);
            format!("${}.{:02}", cents / 100, cents % 100)
        };
        format!("{} /h", self.local(&text))
    }

    /// `21.6 s`.
    pub(crate) fn seconds(self, ms: u64) -> String {
        let tenths = ms / 100;
        let text = format!("{}.{}", tenths / 10, tenths % 10);
        format!("{} s", self.local(&text))
    }

    /// `7.12 GB`.
    pub(crate) fn bytes(self, bytes: u64) -> String {
        let (scale, unit) = match bytes {
            1_000_000_000.. => (1e9, "GB"),
            1_000_000.. => (1e6, "MB"),
            _ => (1e3, "kB"),
        };
        let shown = bytes as f64 / scale;
        let digits = match shown {
            100.0.. => 0,
            10.0.. => 1,
            _ => 2,
        };
        format!("{} {unit}", self.local(&format!("{shown:.digits$}")))
    }

    /// A figure as English writes it, in this language.
    fn local(self, english: &str) -> String {
        match self {
            Self::English => english.to_owned(),
            Self::Portuguese => english.replace('.', ",").replace('$', "US$\u{a0}"),
        }
    }
}

fn find<'a>(words: &'a Value, key: &str) -> &'a str {
    key.split('.').try_fold(words, |at, part| at.get(part)).and_then(Value::as_str).unwrap_or("")
}

fn fill(text: &str, figures: &[(&str, &str)]) -> String {
    figures.iter().fold(text.to_owned(), |text, (name, figure)| {
        text.replace(&format!("{{{{{name}}}}}"), figure)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_look_as_in_the_page() {
        let money = Money::from_micros(412_400);
        assert_eq!(Speech::English.money(money), "$0.42");
        assert_eq!(Speech::Portuguese.money(Money::from_micros(12_100)), "US$\u{a0}0,013");
        assert_eq!(Speech::English.per_hour(Rate::from_micros_per_hour(412_000)), "$0.412 /h");
        assert_eq!(
            Speech::Portuguese.per_hour(Rate::from_micros_per_hour(1_815_000)),
            "US$\u{a0}1,82 /h"
        );
        assert_eq!(Speech::English.seconds(21_640), "21.6 s");
        assert_eq!(Speech::Portuguese.bytes(7_120_000_000), "7,12 GB");
    }

    #[test]
    fn every_code_has_a_title_in_both_languages() {
        for code in Code::ALL {
            assert!(!Speech::English.title(*code).is_empty(), "{code}");
            assert!(!Speech::Portuguese.title(*code).is_empty(), "{code}");
        }
    }

    #[test]
    fn the_system_s_language_is_one_of_ours() {
        assert_eq!(Speech::of(Language::Portuguese), Speech::Portuguese);
        let _ = Speech::of(Language::System);
    }
}
