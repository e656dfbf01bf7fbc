//! The player window with libmpv, in a process of its own: what a hostile film does to a decoder ends here, and the torrents
//! go on. The page comes from the running application's server and talks to it as in a browser; to this process it says, over
//! one narrow bridge, what the film and the window shall do.

mod bridge;
mod mpv;
mod window;

use std::io::Read as _;

use url::Url;

/// Why the process ended; the application that started it reads it.
pub(crate) const EXIT_NO_PLAYER: i32 = 3;
const EXIT_BAD_ADDRESS: i32 = 2;

/// Runs the window until it is closed, or until the application that started us is gone.
pub(crate) fn run(address: &str) -> i32 {
    let Some(address) = own_page(address) else {
        eprintln!("freshet: this is no address of a player page: {address:?}");
        return EXIT_BAD_ADDRESS;
    };
    end_with_parent();
    match window::run(&address) {
        Ok(()) => 0,
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
        std::process::exit(0);
    });
    drop(waiting);
}

#[cfg(test)]
mod tests {
    use super::*;

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
