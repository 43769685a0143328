//! Deep links: `dumont://launch/<recipe>`. A link names a recipe and nothing
//! else; what it leads to is a question, whose default is *Cancel*
//! (rules.md T6).

use std::sync::{Mutex, PoisonError};

use tauri::{AppHandle, Manager as _, Runtime};
use tauri_plugin_deep_link::DeepLinkExt as _;
use tracing::{debug, warn};
use url::Url;

use crate::bridge::LinkCame;
use crate::windows;

/// The scheme, in `tauri.conf.json` too.
pub(crate) const SCHEME: &str = "dumont";
const LONGEST: usize = 64;

/// The recipe a link asked for, until the page takes it.
#[derive(Debug, Default)]
pub(crate) struct Asked(Mutex<Option<String>>);

impl Asked {
    fn put(&self, recipe: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(recipe);
    }

    /// Takes it; a link asks once.
    pub(crate) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Hears links from now on, the one that started the app included.
pub(crate) fn listen<R: Runtime>(app: &AppHandle<R>) {
    let links = app.deep_link();
    let handle = app.clone();
    links.on_open_url(move |event| {
        for url in event.urls() {
            came(&handle, &url);
        }
    });
    match links.get_current() {
        Ok(urls) => urls.unwrap_or_default().iter().for_each(|url| came(app, url)),
        Err(error) => warn!(%error, "the link that started the app cannot be read"),
    }
}

fn came<R: Runtime>(app: &AppHandle<R>, url: &Url) {
    let Some(recipe) = recipe_of(url) else {
        debug!("a link makes no sense");
        return;
    };
    app.state::<Asked>().put(recipe);
    windows::show(app);
    LinkCame::tell(app);
}

/// The recipe's name, if that is all the link says.
fn recipe_of(url: &Url) -> Option<String> {
    let plain = url.query().is_none() && url.fragment().is_none() && url.port().is_none();
    if url.scheme() != SCHEME || !plain || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    if url.host_str() != Some("launch") {
        return None;
    }
    let name = url.path().strip_prefix('/')?;
    let fits = (1..=LONGEST).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    fits.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        recipe_of(&Url::parse(text).unwrap())
    }

    #[test]
    fn a_link_names_one_recipe() {
        assert_eq!(read("dumont://launch/musetalk-15").as_deref(), Some("musetalk-15"));
        assert_eq!(read(&format!("dumont://launch/{}", "a".repeat(64))).unwrap().len(), 64);
    }

    #[test]
    fn a_link_that_says_more_says_nothing() {
        for text in [
            "dumont://launch/",
            "dumont://launch/MuseTalk",
            "dumont://launch/a/b",
            "dumont://launch/a%20b",
            "dumont://launch/..",
            "dumont://launch/a?policy=all-at-once",
            "dumont://launch/a#b",
            "dumont://launch:80/a",
            "dumont://me:secret@launch/a",
            "dumont://destroy/a",
            "https://launch/a",
            &format!("dumont://launch/{}", "a".repeat(65)),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
