//! Notifications: none while somebody looks at the program.

use std::time::Instant;

use freshet_app::{Alert, Alerts, App, Caller};
use freshet_model::{InfoHash, Language, PlayerTarget};
use tauri::{AppHandle, Manager as _};
use tracing::{debug, warn};

use crate::windows;
use crate::words::{Words, words};

/// What a notification says, and what it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    title: String,
    text: String,
    /// What pressing it does, and the word for it.
    action: Option<(Action, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Play(InfoHash),
    Show(InfoHash),
}

fn note(alert: &Alert, words: &Words) -> Note {
    let with = |title: String, text: &str, action| Note { title, text: text.to_owned(), action };
    match alert {
        Alert::Ready { info_hash, title } => with(
            words.text("notify.ready"),
            title,
            Some((Action::Play(*info_hash), words.text("notify.play"))),
        ),
        Alert::Complete { info_hash, title } => with(
            words.text("notify.complete"),
            title,
            Some((Action::Play(*info_hash), words.text("notify.play"))),
        ),
        Alert::NoPeers { info_hash, title } => {
            let action = (Action::Show(*info_hash), words.text("notify.details"));
            with(words.text("notify.noPeers"), title, Some(action))
        }
        Alert::Problem(notice) => {
            // The kinds have the names that the pages know them by.
            let kind = serde_json::to_value(notice.kind).unwrap_or_default();
            let key = format!("notice.{}", kind.as_str().unwrap_or_default());
            let text = words.fill(&key, &[("subject", &notice.subject)]);
            with(words.text("notify.problem"), &text, None)
        }
    }
}

/// Follows the events until the application ends.
pub(crate) fn follow(handle: &AppHandle, app: &App) {
    let (handle, told) = (handle.clone(), app.clone());
    app.tasks().spawn("notifications", async move {
        let mut alerts = Alerts::default();
        let mut events = told.subscribe(Caller::MainWindow);
        let mut board = board::Board::default();
        loop {
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { return };
                    for alert in alerts.apply(&event, Instant::now()) {
                        if is_looked_at(&handle) {
                            debug!(?alert, "somebody looks; they see it themselves");
                            continue;
                        }
                        let language: Language = told.settings().language;
                        if let Err(error) = board.show(&note(&alert, &words(language))).await {
                            warn!(%error, "a notification could not be shown");
                        }
                    }
                }
                action = board.pressed() => act(&handle, &told, action).await,
            }
        }
    });
}

fn is_looked_at(handle: &AppHandle) -> bool {
    handle.webview_windows().values().any(|window| window.is_focused().unwrap_or(false))
}

async fn act(handle: &AppHandle, app: &App, action: Action) {
    match action {
        Action::Play(info_hash) => {
            let target = PlayerTarget { info_hash, file_index: None };
            if let Err(error) = app.show_in_player(target).await {
                warn!(%error, "what a notification was of can't be played");
            }
        }
        Action::Show(info_hash) => {
            let shown = handle.clone();
            let asked = handle.run_on_main_thread(move || {
                if let Err(error) = windows::show_main_at(&shown, &format!("#/torrent/{info_hash}")) {
                    warn!(%error, "the main window could not be shown");
                }
            });
            if let Err(error) = asked {
                warn!(%error, "the window thread does not answer");
            }
        }
    }
}

/// The desktop's notifications, over the session bus.
#[cfg(target_os = "linux")]
mod board {
    use std::collections::{HashMap, VecDeque};

    use futures::StreamExt as _;
    use zbus::zvariant::Value;

    use super::{Action, Note};

    /// Desktops keep no more of them where they can be pressed.
    const KEPT: usize = 32;
    const DEFAULT_ACTION: &str = "default";
    const NAMED_ACTION: &str = "go";
    /// As long as the desktop thinks right.
    const EXPIRES: i32 = -1;

    #[zbus::proxy(
        interface = "org.freedesktop.Notifications",
        default_service = "org.freedesktop.Notifications",
        default_path = "/org/freedesktop/Notifications"
    )]
    trait Notifications {
        #[allow(clippy::too_many_arguments, reason = "the interface has so many")]
        fn notify(
            &self,
            app_name: &str,
            replaces_id: u32,
            app_icon: &str,
            summary: &str,
            body: &str,
            actions: &[&str],
            hints: HashMap<&str, Value<'_>>,
            expire_timeout: i32,
        ) -> zbus::Result<u32>;

        #[zbus(signal)]
        fn action_invoked(&self, id: u32, action_key: String) -> zbus::Result<()>;
    }

    /// Connected with the first notification.
    #[derive(Default)]
    pub(super) struct Board {
        bus: Option<(NotificationsProxy<'static>, ActionInvokedStream)>,
        shown: VecDeque<(u32, Action)>,
    }

    impl Board {
        pub(super) async fn show(&mut self, note: &Note) -> zbus::Result<()> {
            if self.bus.is_none() {
                let proxy = NotificationsProxy::new(&zbus::Connection::session().await?).await?;
                let pressed = proxy.receive_action_invoked().await?;
                self.bus = Some((proxy, pressed));
            }
            let Some((proxy, _)) = &self.bus else { return Ok(()) };
            let actions = match &note.action {
                Some((_, word)) => vec![DEFAULT_ACTION, word.as_str(), NAMED_ACTION, word.as_str()],
                None => vec![],
            };
            let hints = HashMap::from([("desktop-entry", Value::from("freshet"))]);
            let body = without_markup(&note.text);
            let id =
                proxy.notify("Freshet", 0, "freshet", &note.title, &body, &actions, hints, EXPIRES).await?;
            if let Some((action, _)) = note.action {
                self.shown.push_back((id, action));
                if self.shown.len() > KEPT {
                    self.shown.pop_front();
                }
            }
            Ok(())
        }

        /// The next one that somebody presses. Cancel-safe.
        pub(super) async fn pressed(&mut self) -> Action {
            loop {
                let Some((_, pressed)) = &mut self.bus else { return std::future::pending().await };
                let Some(signal) = pressed.next().await else {
                    // The bus is gone; the next notification tries to find it again.
                    self.bus = None;
                    continue;
                };
                let Ok(args) = signal.args() else { continue };
                if let Some((_, action)) = self.shown.iter().find(|(id, _)| *id == args.id) {
                    return *action;
                }
            }
        }
    }

    /// Names of torrents are strangers' words, and some desktops read markup in the text.
    fn without_markup(text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn names_of_torrents_are_no_markup() {
            assert_eq!(super::without_markup("<a href=x>A & B</a>"), "&lt;a href=x&gt;A &amp; B&lt;/a&gt;");
        }
    }
}

/// The system's notifications, where pressing one says nothing to us.
#[cfg(not(target_os = "linux"))]
mod board {
    use super::{Action, Note};

    #[derive(Default)]
    pub(super) struct Board;

    impl Board {
        pub(super) async fn show(&mut self, note: &Note) -> Result<(), notify_rust::error::Error> {
            notify_rust::Notification::new()
                .appname("Freshet")
                .summary(&note.title)
                .body(&note.text)
                .show()
                .map(drop)
        }

        pub(super) async fn pressed(&mut self) -> Action {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{Notice, NoticeKind};

    use super::*;

    #[test]
    fn each_news_has_words_and_what_it_offers() {
        let (info_hash, title) = (InfoHash::new([1; 20]), "River".to_owned());
        let words = words(Language::En);

        let ready = note(&Alert::Ready { info_hash, title: title.clone() }, &words);
        assert_eq!((ready.title.as_str(), ready.text.as_str()), ("Ready to watch", "River"));
        assert_eq!(ready.action, Some((Action::Play(info_hash), "Play".to_owned())));
        let lonely = note(&Alert::NoPeers { info_hash, title }, &words);
        assert_eq!(lonely.action.map(|(action, _)| action), Some(Action::Show(info_hash)));
        let missing = Notice { kind: NoticeKind::InterfaceMissing, subject: "wg0".to_owned() };
        let problem = note(&Alert::Problem(missing), &words);
        assert!(problem.text.contains("wg0 is missing") && problem.action.is_none(), "{problem:?}");
    }
}
