//! The main window: hidden until it stands where it stood last time, and
//! hidden again, not closed, while anything costs money.

use model::Theme;
use tauri::window::Color;
use tauri::{AppHandle, Manager as _, Runtime, WebviewUrl, WebviewWindow, WebviewWindowBuilder};
use tauri_plugin_window_state::StateFlags;
use tracing::warn;

use crate::preferences::Kept;

/// Its label, in capabilities too.
pub(crate) const MAIN: &str = "main";
const TITLE: &str = "Dumont Cloud";
const SIZE: (f64, f64) = (1280.0, 820.0);
/// Below this the screens do not fit; zoomed text included.
const LEAST: (f64, f64) = (960.0, 640.0);
/// The page's own ground, so that nothing flashes before it is drawn.
const DARK: Color = Color(0x0e, 0x10, 0x12, 0xff);
const LIGHT: Color = Color(0xf0, 0xee, 0xe9, 0xff);

/// Without a settings daemon GTK hints fonts fully, which snaps letters to the
/// pixel grid and crowds words; the desktops' own default does not.
#[cfg(target_os = "linux")]
pub(crate) fn hint_slightly() {
    use gtk::prelude::GtkSettingsExt as _;
    if let Some(settings) = gtk::Settings::default()
        && settings.gtk_xft_hintstyle().is_none_or(|style| style.is_empty() || style == "hintfull")
    {
        settings.set_gtk_xft_hintstyle(Some("hintslight"));
    }
}

/// Remembers where it stood, how large, and whether it filled the screen.
pub(crate) fn states<R: Runtime>() -> tauri::plugin::TauriPlugin<R> {
    let flags = StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED;
    tauri_plugin_window_state::Builder::new().with_state_flags(flags).build()
}

/// Makes it, hidden.
pub(crate) fn open<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<WebviewWindow<R>> {
    let theme = app.try_state::<Kept>().map_or(Theme::System, |kept| kept.get().theme);
    let ground = if theme == Theme::Light { LIGHT } else { DARK };
    WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title(TITLE)
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(LEAST.0, LEAST.1)
        .background_color(ground)
        .zoom_hotkeys_enabled(true)
        .visible(false)
        .build()
}

/// Brings it to the front.
pub(crate) fn show<R: Runtime>(app: &AppHandle<R>) {
    let window = match app.get_webview_window(MAIN) {
        Some(window) => Ok(window),
        None => open(app),
    };
    let shown = window.and_then(|window| {
        window.unminimize()?;
        window.show()?;
        window.set_focus()
    });
    if let Err(error) = shown {
        warn!(%error, "the window does not show");
    }
}

/// Puts it away; the page lives on.
pub(crate) fn hide<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN)
        && let Err(error) = window.hide()
    {
        warn!(%error, "the window does not hide");
    }
}
