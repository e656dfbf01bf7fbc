//! The desktop application. Everything but the first lines is in the library.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() {
    #[cfg(target_os = "linux")]
    if std::env::var_os("WEBKIT_GST_USE_PLAYBIN3").is_none() {
        // Every file then takes the one pipeline that the player is tested with.
        #[expect(unsafe_code, reason = "nothing else runs yet: this is the first line, before any thread")]
        // SAFETY: the process has one thread, so nobody reads the environment at the same time.
        unsafe {
            std::env::set_var("WEBKIT_GST_USE_PLAYBIN3", "1");
        }
    }
    std::process::exit(freshet::run());
}
