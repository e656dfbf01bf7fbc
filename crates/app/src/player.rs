//! Which file the player window is to show. The shell opens the window; the page learns the target from the events.

use freshet_model::{PlayerTarget, WireError};
use tokio::sync::watch;

use crate::App;
use crate::library::not_found;

/// Counts the wishes, so that asking for the same file again raises the window again.
#[derive(Debug)]
pub(crate) struct Player {
    wishes: watch::Sender<(u64, Option<PlayerTarget>)>,
}

impl Default for Player {
    fn default() -> Self {
        Self { wishes: watch::Sender::new((0, None)) }
    }
}

impl App {
    /// Asks for the player window with this file.
    ///
    /// # Errors
    /// The torrent is not in the library.
    pub async fn show_in_player(&self, target: PlayerTarget) -> Result<(), WireError> {
        self.torrent(target.info_hash).await?.ok_or_else(|| not_found(target.info_hash))?;
        self.inner.events.set_player_target(Some(target)).await;
        self.inner.player.wishes.send_modify(|(count, wish)| (*count, *wish) = (*count + 1, Some(target)));
        Ok(())
    }

    /// The player window is gone.
    pub async fn player_closed(&self) {
        self.inner.events.set_player_target(None).await;
        self.inner.player.wishes.send_modify(|(count, wish)| (*count, *wish) = (*count + 1, None));
    }

    /// Changes with every wish for the player window; the number tells two equal wishes apart.
    pub fn watch_player(&self) -> watch::Receiver<(u64, Option<PlayerTarget>)> {
        self.inner.player.wishes.subscribe()
    }
}

pub(crate) async fn show(app: &App, target: PlayerTarget) -> Result<(), WireError> {
    app.show_in_player(target).await
}
