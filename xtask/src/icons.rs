//! Draws the icons in all their sizes. The drawings in `icons/` are what is edited; the pictures are committed, because
//! building the application must not need these tools.

use crate::failure::{During, Result};
use crate::packages::Purpose;
use crate::scratch::Scratch;
use crate::shell::Shell;
use crate::system;

pub(crate) const DRAWING: &str = "icons/source.svg";
/// Without a margin and with thicker shapes: in few pixels the full drawing would blur.
const SMALL_DRAWING: &str = "icons/source-small.svg";
const LARGEST_SMALL: u32 = 32;

/// The single pictures: file and edge in pixels.
pub(crate) const PICTURES: [(&str, u32); 8] = [
    ("16x16.png", 16),
    ("24x24.png", 24),
    ("32x32.png", 32),
    ("48x48.png", 48),
    ("64x64.png", 64),
    ("128x128.png", 128),
    ("128x128@2x.png", 256),
    ("icon.png", 512),
];
/// The first is what a window shows before it asks for others.
const ICO_SIZES: [u32; 5] = [32, 16, 24, 48, 64];
/// Goes into the ico as it is, compressed; as pixels it would be larger than all the others together.
const ICO_RAW_SIZE: u32 = 256;
const ICNS_SIZES: [u32; 5] = [16, 32, 128, 256, 512];
const TRAY: [&str; 4] = ["idle", "active", "paused", "problem"];
const TRAY_SIZE: u32 = 32;

/// Draws the application's and the tray's icons.
///
/// # Errors
/// A tool is missing and cannot be installed, or fails.
pub(crate) fn draw(shell: &Shell) -> Result<()> {
    system::ensure_packages(shell, &[Purpose::Icons])?;
    let scratch = Scratch::new("icons")?;
    for (file, size) in PICTURES {
        render(shell, drawing_for(size), size, &format!("icons/{file}"))?;
    }
    for name in TRAY {
        render(shell, &format!("icons/tray/{name}.svg"), TRAY_SIZE, &format!("icons/tray/{name}.png"))?;
    }
    let sized = |sizes: &[u32]| -> Result<Vec<String>> {
        sizes
            .iter()
            .map(|size| {
                let picture = scratch.path().join(format!("{size}.png")).to_string_lossy().into_owned();
                render(shell, drawing_for(*size), *size, &picture)?;
                Ok(picture)
            })
            .collect()
    };
    let mut ico = vec!["--create".to_owned(), "--output=icons/icon.ico".to_owned()];
    ico.extend(sized(&ICO_SIZES)?);
    ico.extend(sized(&[ICO_RAW_SIZE])?.into_iter().map(|picture| format!("--raw={picture}")));
    shell.run(shell.command(".", "icotool", &ico))?;
    let mut icns = vec!["icons/icon.icns".to_owned()];
    icns.extend(sized(&ICNS_SIZES)?);
    shell.run(shell.command(".", "png2icns", &icns))?;
    std::fs::metadata(shell.path("icons/icon.icns")).during("icons/icon.icns").map(drop)
}

fn drawing_for(size: u32) -> &'static str {
    if size <= LARGEST_SMALL { SMALL_DRAWING } else { DRAWING }
}

fn render(shell: &Shell, drawing: &str, size: u32, picture: &str) -> Result<()> {
    let size = size.to_string();
    shell.run(shell.command(
        ".",
        "rsvg-convert",
        ["--width", &size, "--height", &size, "--output", picture, drawing],
    ))
}
