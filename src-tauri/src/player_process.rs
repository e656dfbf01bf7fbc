//! The player window with libmpv, in a process of its own: what a hostile film does to a decoder ends here, and the torrents
//! go on. The page comes from the running application's server and talks to it as in a browser; to this process it says, over
//! one narrow bridge, what the film and the window shall do.

mod bridge;
mod mpv;
mod window;

use std::io::{Read as _, Write as _};

use url::Url;

/// What the process says on its output; the application that started it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// The page is there, and there is something to draw films with.
    Ready,
    /// The window's thread goes round.
    Alive,
    /// From now on it ends in order, whatever becomes of it.
    Closed,
}

impl Word {
    const ALL: [Self; 3] = [Self::Ready, Self::Alive, Self::Closed];

    const fn text(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Alive => "alive",
            Self::Closed => "closed",
        }
    }

    /// Libraries may write to the output as well: other lines are none of ours.
    pub(crate) fn of(line: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.text() == line)
    }

    fn say(self) {
        // Nobody listens any more: then the input ends as well.
        let _ = writeln!(std::io::stdout(), "{}", self.text());
    }
}

/// There is nothing here to play films with.
const EXIT_NO_PLAYER: i32 = 3;
const EXIT_BAD_ADDRESS: i32 = 2;
const EXIT_PAGE_LOST: i32 = 4;

/// Runs the window until it is closed, or until the application that started us is gone.
pub(crate) fn run(address: &str) -> i32 {
    let Some(address) = own_page(address) else {
        eprintln!("freshet: this is no address of a player page: {address:?}");
        return EXIT_BAD_ADDRESS;
    };
    end_with_parent();
    match window::run(&address) {
        Ok(window::End::Closed) => 0,
        Ok(window::End::PageLost) => EXIT_PAGE_LOST,
        Err(error) => {
            eprintln!("freshet: no player window: {error}");
            EXIT_NO_PLAYER
        }
    }
}

/// Pages of a server on this computer only.
fn own_page(address: &str) -> Option<Url> {
    let address = Url::parse(address).ok()?;
    let is_own = address.scheme() == "http" && address.host_str() == Some("127.0.0.1");
    (is_own && address.port().is_some() && address.path() == "/player.html").then_some(address)
}

/// Our input is a pipe that the application holds open; its end is the application's. Anything in it brings the window to the
/// front.
fn end_with_parent() {
    let waiting = std::thread::Builder::new().name("parent".to_owned()).spawn(|| {
        let mut input = std::io::stdin().lock();
        let mut byte = [0];
        while input.read(&mut byte).is_ok_and(|count| count > 0) {
            gtk::glib::idle_add_once(window::raise);
        }
        Word::Closed.say();
        std::process::exit(0);
    });
    drop(waiting);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_lines() {
        for word in Word::ALL {
            assert_eq!(Word::of(word.text()), Some(word));
        }
        assert_eq!(Word::of("ready to fail"), None);
    }

    #[test]
    fn only_a_player_page_of_this_computer_is_shown() {
        for address in ["http://127.0.0.1:8090/player.html#x", "http://127.0.0.1:1/player.html?engine=mpv#x"]
        {
            assert!(own_page(address).is_some(), "{address}");
        }
        for address in [
            "http://example.org:8090/player.html",
            "https://127.0.0.1:8090/player.html",
            "http://127.0.0.1.example.org:8090/player.html",
            "http://127.0.0.1:8090/other.html",
            "file:///player.html",
            "",
        ] {
            assert!(own_page(address).is_none(), "{address}");
        }
    }
}
