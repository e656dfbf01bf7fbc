//! Settings that belong together, and the patch of each group.

/// Writes a group of settings and its patch from one list of fields, so that the two can't differ.
macro_rules! settings_group {
    (
        $(#[$meta:meta])*
        pub struct $Group:ident / $Patch:ident {
            $($(#[doc = $doc:literal])* pub $field:ident: $type:ty = $default:expr,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        #[serde(default)]
        pub struct $Group {
            $($(#[doc = $doc])* pub $field: $type,)*
        }

        impl Default for $Group {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        #[doc = concat!("A change of some [`", stringify!($Group), "`]; what is `None` stays as it is.")]
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
        #[serde(default, deny_unknown_fields)]
        pub struct $Patch {
            $(pub $field: Option<$type>,)*
        }

        impl $Group {
            pub(super) fn with(&self, patch: $Patch) -> Self {
                let old = self.clone();
                Self { $($field: patch.$field.unwrap_or(old.$field),)* }
            }
        }
    };
}

pub(super) use settings_group;
