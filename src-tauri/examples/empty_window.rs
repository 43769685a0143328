//! A Tauri window with one word in it: what ours is measured against
//! (`cargo bench-all ui`).

use std::borrow::Cow;

use tauri::utils::assets::{AssetKey, AssetsIter, CspHash};
use tauri::window::Color;
use tauri::{App, Assets, Runtime, WebviewUrl, WebviewWindowBuilder};

const PAGE: &str = "<!doctype html><body bgcolor=#0e1012 text=white><h1>Empty</h1>";

struct OnePage;

impl<R: Runtime> Assets<R> for OnePage {
    fn get(&self, _: &AssetKey) -> Option<Cow<'_, [u8]>> {
        Some(Cow::Borrowed(PAGE.as_bytes()))
    }

    fn iter(&self) -> Box<AssetsIter<'_>> {
        Box::new(std::iter::empty())
    }

    fn csp_hashes(&self, _: &AssetKey) -> Box<dyn Iterator<Item = CspHash<'_>> + '_> {
        Box::new(std::iter::empty())
    }
}

fn open(app: &mut App) -> Result<(), Box<dyn std::error::Error>> {
    WebviewWindowBuilder::new(app, "main", WebviewUrl::App("index.html".into()))
        .inner_size(1280.0, 820.0)
        .background_color(Color(0x0e, 0x10, 0x12, 0xff))
        .build()?;
    Ok(())
}

fn main() -> tauri::Result<()> {
    let mut context = tauri::generate_context!();
    context.set_assets(Box::new(OnePage));
    tauri::Builder::default().setup(open).run(context)
}
