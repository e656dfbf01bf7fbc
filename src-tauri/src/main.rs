//! The desktop application. Everything but the first lines is in the library.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() {
    #[cfg(target_os = "linux")]
    for &(name, value) in freshet::environment(std::env::args_os()) {
        if std::env::var_os(name).is_none() {
            #[expect(
                unsafe_code,
                reason = "nothing else runs yet: these are the first lines, before any thread"
            )]
            // SAFETY: the process has one thread, so nobody reads the environment at the same time.
            unsafe {
                std::env::set_var(name, value);
            }
        }
    }
    std::process::exit(freshet::run());
}
