//! Use cases, the one command list, events, tasks, lifecycle
