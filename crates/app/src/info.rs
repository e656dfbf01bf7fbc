//! What this program is.

use freshet_model::WireError;

use crate::App;
use crate::args::{AppInfo, Nothing, Shell};

impl App {
    pub fn info(&self) -> AppInfo {
        AppInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_dir: self.inner.config.data_dir.display().to_string(),
            server_url: self.inner.server_url.get().cloned(),
            shell: self.inner.shell.get().copied(),
            peer_port: self.inner.engine.status().peer_port,
            probed_types: freshet_media::PROBED_TYPES.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// Tells what the desktop can do for us; the first call counts.
    pub fn set_shell(&self, shell: Shell) {
        let _ = self.inner.shell.set(shell);
    }

    /// Tells where our HTTP server listens (`http://127.0.0.1:8090`); the first call counts.
    pub fn set_server_url(&self, url: String) {
        let _ = self.inner.server_url.set(url);
    }
}

#[expect(clippy::unused_async, reason = "commands are async")]
pub(crate) async fn app_info(app: &App, _: Nothing) -> Result<AppInfo, WireError> {
    Ok(app.info())
}
