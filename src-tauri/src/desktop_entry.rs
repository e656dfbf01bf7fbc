//! What desktop entries of the XDG desktops have in common (Desktop Entry Specification).

use std::io;

/// The program as a desktop has to start it: what runs from an AppImage is inside of a mounted picture, and what is to be started
/// is the picture.
pub(crate) fn program() -> io::Result<String> {
    let program = std::env::var_os("APPIMAGE").map_or_else(std::env::current_exe, |path| Ok(path.into()))?;
    Ok(program.to_string_lossy().into_owned())
}

/// The value of `Exec` ("The Exec key").
pub(crate) fn command(program: &str, arguments: &[String]) -> String {
    let words = std::iter::once(program).chain(arguments.iter().map(String::as_str));
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// A word of `Exec`: quoted, and then written as a text of the file.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./+:@=,".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for char in word.chars() {
        match char {
            // For the quotes, and once more for the file.
            '"' | '`' | '$' => quoted.extend(["\\\\", char.encode_utf8(&mut [0; 4])]),
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            '\n' | '\r' | '\t' => quoted.push(' '),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_as_desktops_read_them() {
        assert_eq!(quoted("/usr/bin/freshet"), "/usr/bin/freshet");
        assert_eq!(quoted("/home/a b/freshet"), "\"/home/a b/freshet\"");
        assert_eq!(quoted(r#"$x"y\%"#), r#""\\$x\\"y\\\\%%""#);
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(
            command("/opt/my app/freshet", &["--hidden".to_owned()]),
            "\"/opt/my app/freshet\" --hidden"
        );
    }
}
