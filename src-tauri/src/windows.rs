//! The main window.

use tauri::{AppHandle, Manager as _, Runtime, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

/// Its label, in capabilities too.
pub(crate) const MAIN: &str = "main";
const TITLE: &str = "Dumont Cloud";
const SIZE: (f64, f64) = (1280.0, 820.0);
/// Below this the screens do not fit; zoomed text included.
const LEAST: (f64, f64) = (960.0, 640.0);

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

/// Opens it.
pub(crate) fn open<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<WebviewWindow<R>> {
    WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title(TITLE)
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(LEAST.0, LEAST.1)
        .zoom_hotkeys_enabled(true)
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
        tracing::warn!(%error, "the window does not show");
    }
}
