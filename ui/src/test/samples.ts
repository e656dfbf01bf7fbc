/* Values as the other side sends them, with defaults. */
import type {
  AppEvent,
  AppInfo,
  FileMark,
  PlaybackTicket,
  Settings,
  Snapshot,
  TorrentAbout,
  TorrentSummary,
  TransferStats,
} from "../lib/host/bindings";

export const HASH_A = "a".repeat(40);
export const HASH_B = "b".repeat(40);

export function about(change: Partial<TorrentAbout> = {}): TorrentAbout {
  return {
    title: "River",
    original_title: null,
    year: null,
    kind: "film",
    first_season: null,
    last_season: null,
    resolution_lines: null,
    is_hdr: false,
    source: null,
    ...change,
  };
}

/** Its title is also what the names tell, unless the test says otherwise. */
export function torrent(change: Partial<TorrentSummary> = {}): TorrentSummary {
  return {
    info_hash: HASH_A,
    title: "River",
    about: about({ title: change.title ?? "River" }),
    is_kept: false,
    category: "",
    poster: "",
    state: "ready",
    error: null,
    total_bytes: 2_000_000_000,
    added_at_secs: 1000,
    last_opened_at_secs: null,
    file_count: 1,
    playable_count: 1,
    viewed_count: 0,
    play_target: 0,
    ...change,
  };
}

export const resolving = (change: Partial<TorrentSummary> = {}) =>
  torrent({
    state: "resolving",
    total_bytes: 0,
    file_count: 0,
    playable_count: 0,
    play_target: null,
    ...change,
  });

export function mark(change: Partial<FileMark> = {}): FileMark {
  return {
    file_index: 0,
    viewed: false,
    position_secs: 0,
    duration_secs: 600,
    play_count: 0,
    updated_at_ms: 1,
    ...change,
  };
}

export function stats(change: Partial<TransferStats> = {}): TransferStats {
  return {
    info_hash: HASH_A,
    down_bytes_per_sec: 0,
    up_bytes_per_sec: 0,
    downloaded_bytes: 0,
    uploaded_bytes: 0,
    have_bytes: 0,
    connected_peers: 0,
    known_peers: 0,
    connected_seeders: 0,
    connecting_peers: 0,
    peers: { sending: 0, choking: 0, without_need: 0, silent: 0 },
    counters: {
      hedges: 0,
      hedges_won: 0,
      duplicate_bytes: 0,
      unwanted_bytes: 0,
      corrupt_bytes: 0,
      banned_peers: 0,
    },
    waiting: null,
    tracker_refusal: null,
    ...change,
  };
}

export const settings: Settings = {
  language: "en",
  theme: "system",
  ui_scale_percent: 100,
  is_welcomed: true,
  download_limit_bytes_per_sec: 0,
  upload_limit_bytes_per_sec: 0,
  slow: { is_on: false, download_limit_bytes_per_sec: 500_000, upload_limit_bytes_per_sec: 50_000 },
  volume: 0.5,
  is_muted: false,
  player_engine: "libmpv",
  track_client_positions: true,
  idle_timeout_secs: 600,
  preload_bytes: 33_554_432,
  disk_budget_bytes: 0,
  watch_dir: "",
  playback: {
    default_speed: 1,
    skip_mode: "button",
    next_enabled: true,
    resume_enabled: true,
    pictures_enabled: true,
    audio_language: "",
    subtitle_language: "",
  },
  desktop: {
    start_at_login: false,
    opens_links: false,
    on_close: "tray",
    notify_ready: true,
    notify_complete: true,
    notify_no_peers: true,
    notify_problems: true,
  },
  transfers: {
    encryption_required: false,
    tcp_enabled: true,
    utp_enabled: true,
    dht_enabled: true,
    pex_enabled: true,
    lsd_enabled: true,
    port_mapping_enabled: true,
    uploads_enabled: true,
    spare_line: "when_metered",
    max_connections: 300,
    seed_ratio_limit: 0,
    blocklist_path: "",
    proxy_url: "",
    network_interface: "",
    seed_time_limit_secs: 0,
    peer_port: 0,
  },
  network: {
    lan_enabled: false,
    allowed_hosts: [],
    allow_lampa: false,
    allowed_origins: [],
    allowed_addresses: [],
    denied_addresses: [],
    open_streams: false,
    https_enabled: false,
    https_port: 8091,
    https_cert_path: "",
    https_key_path: "",
    dlna_enabled: false,
    mdns_enabled: true,
    webdav_enabled: false,
    friendly_name: "",
  },
  search: { torznab_enabled: false, indexers: [] },
  torrserver: {},
};

export function snapshot(change: Partial<Snapshot> = {}): AppEvent {
  return {
    type: "snapshot",
    revision: 10,
    torrents: [],
    marks: [],
    settings,
    access: { has_password: false, devices: [] },
    network: { urls: [], https_urls: [], certificate_sha256: null, problem: null },
    viewers: [],
    stats: [],
    notices: [],
    link_offers: [],
    player_target: null,
    transfers_paused: false,
    ...change,
  };
}

export const info: AppInfo = {
  version: "0.1.0",
  data_dir: "/data",
  server_url: "http://127.0.0.1:8090",
  peer_port: 42131,
  shell: null,
  probed_types: ["video/mp4; codecs=h264", "video/mp4; codecs=hevc"],
};

export function ticket(change: Partial<PlaybackTicket> = {}): PlaybackTicket {
  return {
    playback_id: "play-1",
    info_hash: HASH_A,
    file_index: 0,
    title: "River",
    file_name: "river.mkv",
    duration_secs: 400,
    resume_at_secs: 0,
    subtitles: [],
    tracks: [
      { stream_index: 0, kind: "video", codec: "h264", mime_codec: null, language: null, title: null },
      { stream_index: 1, kind: "audio", codec: "aac", mime_codec: null, language: "en", title: null },
      { stream_index: 2, kind: "audio", codec: "ac3", mime_codec: null, language: "ru", title: null },
    ],
    chapters: [],
    previous_file: null,
    next_file: null,
    next_up_at_secs: null,
    file_path: "/media/play-1/file",
    ...change,
  };
}
