// Written by `cargo xtask codegen` from the Rust side. Do not edit.

export type AccessSummary = { has_password: boolean, devices: Array<DeviceSummary>, };

export type AppEvent = { "type": "snapshot" } & Snapshot | { "type": "torrent_changed", revision: Revision, torrent: TorrentSummary, } | { "type": "torrent_removed", revision: Revision, info_hash: InfoHash, } | { "type": "marks_changed", revision: Revision, marks: TorrentMarks, } | { "type": "settings_changed", revision: Revision, settings: Settings, } | { "type": "access_changed", revision: Revision, access: AccessSummary, } | { "type": "network_changed", network: NetworkStatus, } | { "type": "viewers_changed", viewers: Array<Viewer>, } | { "type": "stats_changed", stats: Array<TransferStats>, } | { "type": "notices_changed", notices: Array<Notice>, } | { "type": "link_offers_changed", link_offers: Array<LinkOffer>, } | { "type": "poster_changed", info_hash: InfoHash, poster: string, } | { "type": "player_target_changed", target: PlayerTarget | null, } | { "type": "transfers_paused", paused: boolean, };

export type AppInfo = { version: string, data_dir: string, 
/**
 * Where TorrServer's clients and other players find us; `None` before the server runs.
 */
server_url: string | null, peer_port: number | null, 
/**
 * What the desktop around the windows can do; `None` without one.
 */
shell: Shell | null, 
/**
 * The MSE types that [`PlaybackOpen::playable_types`] chooses from.
 */
probed_types: Array<string>, };

export type Chapter = { start_secs: number, end_secs: number, title: string | null, kind: ChapterKind, };

export type ChapterKind = "part" | "intro" | "credits";

export type ContentKind = "film" | "series" | "music" | "other";

export type CueHeight = "top" | "middle" | "bottom";

export type CueSide = "left" | "center" | "right";

export type DesktopPatch = { start_at_login?: boolean, opens_links?: boolean, on_close?: OnClose, notify_ready?: boolean, notify_complete?: boolean, notify_no_peers?: boolean, notify_problems?: boolean, };

export type DesktopSettings = { 
/**
 * Whether the program starts, hidden, when the person logs in.
 */
start_at_login: boolean, 
/**
 * Whether the desktop gives magnet links and `.torrent` files to the program.
 */
opens_links: boolean, on_close: OnClose, 
/**
 * A torrent that was added without playing can be watched.
 */
notify_ready: boolean, 
/**
 * Everything of a torrent is here.
 */
notify_complete: boolean, 
/**
 * Nobody has shared a torrent in use for ten minutes.
 */
notify_no_peers: boolean, 
/**
 * Something needs attention: a folder that is gone, a full disk.
 */
notify_problems: boolean, };

export type DeviceAdd = { name: string, };

export type DeviceAdded = { device: DeviceSummary, 
/**
 * 22 characters. Addresses of this device begin with `/t/` and the token.
 */
token: string, };

export type DeviceId = number;

export type DeviceRef = { id: DeviceId, };

export type DeviceSummary = { id: DeviceId, name: string, added_at_secs: number, };

export type ErrorCode = "invalid_source" | "invalid_info_hash" | "invalid_torrent" | "v2_only" | "fetch_failed" | "address_refused" | "interface_missing" | "certificates_missing" | "no_details" | "not_found" | "no_such_file" | "not_ready" | "unreadable_media" | "ffmpeg_missing" | "stalled" | "busy" | "disk_full" | "storage_failed" | "folder_gone" | "damaged" | "store_failed" | "forbidden" | "bad_request" | "cancelled" | "internal";

export type ExternalPlayer = { id: string, name: string, };

export type ExternalPlayers = { players: Array<ExternalPlayer>, };

export type FileEntry = { index: FileIndex, 
/**
 * `/`-separated, below the torrent's own folder, cleaned of characters that mislead the eye. For showing only: it
 * never becomes a path on the disk.
 */
path: string, length_bytes: number, kind: MediaKind, 
/**
 * The 1-based id under which TorrServer's clients know the file; frozen when the details first arrive.
 */
torrserver_id: number, };

export type FileIndex = number;

export type FileMark = { file_index: FileIndex, viewed: boolean, position_secs: number, duration_secs: number | null, 
/**
 * How often the file was played to its end (by the rule of [`rules::is_viewed`]).
 */
play_count: number, 
/**
 * Milliseconds since 1970; orders reports of the same file.
 */
updated_at_ms: number, };

export type IdleReason = "choked" | "has_nothing_we_need" | "queue_full" | "silent" | "snubbed";

export type ImportLeftOut = { reason: ImportReason, 
/**
 * The name of a setting, or how many there are.
 */
subject: string, };

export type ImportPreview = { 
/**
 * What the other server calls itself (`MatriX.145`).
 */
version: string, torrents: Array<ImportTorrent>, viewed_count: number, position_count: number, 
/**
 * Only those that would be different.
 */
settings: Array<ImportSetting>, left_out: Array<ImportLeftOut>, };

export type ImportReason = "opens_network" | "no_meaning" | "no_settings" | "unreadable_torrents" | "unreadable_marks" | "ids_unknown";

export type ImportReport = { added: number, 
/**
 * They were here, and something that was blank is no longer.
 */
completed: number, unchanged: number, 
/**
 * Marks and positions that are new, those that wait for the details of their torrent among them.
 */
marks: number, settings: Array<ImportSettingKey>, left_out: Array<ImportLeftOut>, };

export type ImportRun = { url: string, what: ImportWhat, };

export type ImportSetting = { key: ImportSettingKey, 
/**
 * In the unit of the key.
 */
current: unknown, proposed: unknown, };

export type ImportSettingKey = "download_limit" | "upload_limit" | "client_positions" | "idle_timeout" | "preload" | "transfers" | "search" | "friendly_name";

export type ImportTorrent = { info_hash: InfoHash, title: string, category: string, poster: string, 
/**
 * `None`: the other server does not tell.
 */
file_count: number | null, 
/**
 * 0 if it is not known.
 */
total_bytes: number, 
/**
 * It is in the library; what is said of it here stays.
 */
is_here: boolean, };

export type ImportUrl = { url: string, };

export type ImportWhat = { torrents: boolean, 
/**
 * Viewed marks and positions.
 */
marks: boolean, settings: Array<ImportSettingKey>, };

export type Indexer = { name: string, 
/**
 * Address of its API, or of the service itself.
 */
url: string, 
/**
 * A secret of the person.
 */
api_key: string, };

export type IndexerTest = { url: string, api_key: string, };

export type InfoHash = string;

export type Language = "system" | "en" | "ru";

export type LibraryFind = { text: string, };

export type LibraryFound = { info_hashes: Array<InfoHash>, };

export type LinkAnswer = "add" | "play" | "dismiss";

export type LinkOffer = { id: number, 
/**
 * What the link calls it; anybody can write anything there.
 */
name: string | null, 
/**
 * `None` for a link to a file: only the file tells.
 */
info_hash: InfoHash | null, 
/**
 * Who would be asked first: trackers, or where the file is. At most five; `host_count` is how many there are.
 */
hosts: Array<string>, host_count: number, 
/**
 * It is in the library already.
 */
is_known: boolean, };

export type LinkOfferAnswer = { id: number, answer: LinkAnswer, };

export type MapSpan = { start_secs: number, end_secs: number, stand: PieceStand, };

export type MediaKind = "video" | "audio" | "subtitle" | "image" | "other";

export type MediaRun = { 
/**
 * What `MediaSource.addSourceBuffer` takes.
 */
mime: string, path: string, mode: PlaybackMode, start_secs: number, 
/**
 * What the page sets as `SourceBuffer.timestampOffset`, so that what it appends has the times of the film.
 */
timestamp_offset_secs: number, };

export type NeighborFile = { info_hash: InfoHash, file_index: FileIndex, file_name: string, };

export type NetworkInterface = { name: string, addresses: Array<string>, };

export type NetworkPatch = { lan_enabled?: boolean, allowed_hosts?: Array<string>, allow_lampa?: boolean, allowed_origins?: Array<string>, allowed_addresses?: Array<string>, denied_addresses?: Array<string>, open_streams?: boolean, https_enabled?: boolean, https_port?: number, https_cert_path?: string, https_key_path?: string, dlna_enabled?: boolean, mdns_enabled?: boolean, webdav_enabled?: boolean, friendly_name?: string, };

export type NetworkProblem = { "kind": "no_password" } | { "kind": "no_address" } | { "kind": "listen", address: string, reason: string, } | { "kind": "certificate", reason: string, };

export type NetworkSettings = { 
/**
 * Whether devices of the local network are answered at all, with the password or a token.
 */
lan_enabled: boolean, 
/**
 * Names besides our addresses under which we are reached (a reverse proxy, a name in the router).
 */
allowed_hosts: Array<string>, 
/**
 * Whether the known homes of the Lampa page may use TorrServer's interface.
 */
allow_lampa: boolean, 
/**
 * Other pages that may, by origin (`https://page.example`).
 */
allowed_origins: Array<string>, 
/**
 * Addresses or networks (`192.168.1.0/24`) that alone are answered; empty: all. Loopback always is.
 */
allowed_addresses: Array<string>, 
/**
 * Addresses or networks that are never answered.
 */
denied_addresses: Array<string>, 
/**
 * Whether players without password or token may play what is in the library, as TorrServer lets them.
 */
open_streams: boolean, 
/**
 * Whether we are also reached by HTTPS.
 */
https_enabled: boolean, https_port: number, 
/**
 * A certificate chain and its key, PEM; empty: one that we make ourselves.
 */
https_cert_path: string, https_key_path: string, 
/**
 * Whether televisions find the library by DLNA. They know no password.
 */
dlna_enabled: boolean, 
/**
 * Whether we announce ourselves by mDNS while the local network is let in.
 */
mdns_enabled: boolean, 
/**
 * Whether the library is a read-only folder under `/dav`.
 */
webdav_enabled: boolean, 
/**
 * What televisions and other devices call us; empty: a name of our own.
 */
friendly_name: string, };

export type NetworkStatus = { 
/**
 * Addresses for other devices (`http://192.168.1.5:8090`); empty while the door is shut.
 */
urls: Array<string>, https_urls: Array<string>, 
/**
 * Of the certificate for HTTPS, as browsers show it; for a person who wants to compare.
 */
certificate_sha256: string | null, 
/**
 * Why the local network is not let in although the switch says so.
 */
problem: NetworkProblem | null, };

export type NextUp = { info_hash: InfoHash, file_index: FileIndex, file_name: string, 
/**
 * By its name, where it tells.
 */
season: number | null, episode: number | null, 
/**
 * When the episode before it was seen, in milliseconds since 1970.
 */
seen_before_at_ms: number, };

export type NextUpList = { episodes: Array<NextUp>, };

export type Nothing = Record<symbol, never>;

export type Notice = { kind: NoticeKind, 
/**
 * The port, path or name that the words of the UI speak of.
 */
subject: string, };

export type NoticeKind = "port_taken" | "peer_port_taken" | "ffmpeg_missing" | "blocklist_unread" | "interface_missing" | "line_spared" | "certificates_missing" | "database_restored" | "store_failed";

export type OnClose = "tray" | "stay" | "quit";

export type OpenedSubtitles = { 
/**
 * Everything is here; else the page asks for one window of time after another.
 */
is_whole: boolean, 
/**
 * Of a whole track.
 */
cues: Array<SubtitleCue>, 
/**
 * The script of ASS: all of it, or what stands before its events.
 */
script: string | null, 
/**
 * How a file of text was read: the name of an encoding (WHATWG).
 */
charset: string | null, 
/**
 * For ASS.
 */
fonts: Array<SubtitleFont>, };

export type Outlook = { "kind": "plays_through" } | { "kind": "may_pause", 
/**
 * Where it would pause first.
 */
at_secs: number, 
/**
 * All pauses together.
 */
for_secs: number, };

export type PartialPiece = { piece: number, blocks: number, blocks_here: number, blocks_requested: number, };

export type PasswordSet = { password: string | null, };

export type PeerCounts = { 
/**
 * Send, or soon will.
 */
sending: number, choking: number, 
/**
 * Have nothing that is needed now.
 */
without_need: number, 
/**
 * Were asked, and have sent nothing for some seconds.
 */
silent: number, };

export type PeerView = { address: string, 
/**
 * What it calls itself; any text of a stranger.
 */
client: string | null, is_incoming: boolean, is_encrypted: boolean, is_utp: boolean, down_bytes_per_sec: number, up_bytes_per_sec: number, 
/**
 * How much of the torrent it has, from 0 to 1.
 */
has_share: number, is_choking_us: boolean, is_interested_in_us: boolean, we_choke: boolean, we_are_interested: boolean, 
/**
 * Blocks that it is asked for.
 */
requests: number, 
/**
 * `None` if it sends, or soon will.
 */
idle: IdleReason | null, };

export type PieceRun = { stand: PieceStand, pieces: number, };

export type PieceStand = "have" | "requested" | "available" | "missing";

export type PlaybackAtSpeed = { playback_id: PlaybackId, 
/**
 * 1 is as filmed.
 */
speed: number, };

export type PlaybackGoOn = { playback_id: PlaybackId, info_hash: InfoHash, file_index: FileIndex, };

export type PlaybackId = string;

export type PlaybackMap = { spans: Array<MapSpan>, 
/**
 * The times are reckoned from the share of bytes, because the file's index is not known.
 */
is_estimate: boolean, };

export type PlaybackMode = "remux" | "transcode";

export type PlaybackOpen = { info_hash: InfoHash, 
/**
 * Without it: the file that "play" means.
 */
file_index?: FileIndex, 
/**
 * The MSE types (`video/mp4; codecs="…"`) that this view can play, of those in [`freshet_media::PROBED_TYPES`].
 */
playable_types: Array<string>, };

export type PlaybackPatch = { default_speed?: number, skip_mode?: SkipMode, next_enabled?: boolean, resume_enabled?: boolean, pictures_enabled?: boolean, audio_language?: string, subtitle_language?: string, };

export type PlaybackRef = { playback_id: PlaybackId, };

export type PlaybackReport = { playback_id: PlaybackId, kind: ReportKind, position_secs: number, duration_secs: number | null, };

export type PlaybackSettings = { 
/**
 * How fast a film begins; 1 is as filmed.
 */
default_speed: number, skip_mode: SkipMode, 
/**
 * Whether the next file is offered near the end, and begins by itself.
 */
next_enabled: boolean, 
/**
 * Whether a film goes on where it was left.
 */
resume_enabled: boolean, 
/**
 * Whether pictures of the place below the pointer are made for the seek bar.
 */
pictures_enabled: boolean, 
/**
 * Language of the sound, as a tag (`ru`, `pt-BR`); empty: the file's first track.
 */
audio_language: string, 
/**
 * Language of the subtitles; empty: the one of the pages.
 */
subtitle_language: string, };

export type PlaybackStart = { playback_id: PlaybackId, at_secs: number, 
/**
 * Stream index of the audio track; the first one without it.
 */
audio_stream?: number, };

export type PlaybackTicket = { playback_id: PlaybackId, info_hash: InfoHash, file_index: FileIndex, 
/**
 * Name of the torrent.
 */
title: string, file_name: string, duration_secs: number | null, 
/**
 * Where to start; 0 is the beginning.
 */
resume_at_secs: number, tracks: Array<TrackInfo>, 
/**
 * Those that can be shown: inside the film first, then files of the torrent that belong to it.
 */
subtitles: Array<SubtitleTrack>, 
/**
 * In their order; none where the file has none.
 */
chapters: Array<Chapter>, previous_file: NeighborFile | null, next_file: NeighborFile | null, 
/**
 * From when on `next_file` is offered; `None` in what is too short for that.
 */
next_up_at_secs: number | null, 
/**
 * The file as it is, for a player that reads it itself: a path on our server, for as long as the playback is open.
 */
file_path: string, };

export type PlayerEngine = "libmpv" | "web_view";

export type PlayerOpen = { 
/**
 * [`ExternalPlayer::id`].
 */
player: string, playback_id: PlaybackId, position_secs: number, };

export type PlayerTarget = { info_hash: InfoHash, file_index?: FileIndex, };

export type ProblemReport = { 
/**
 * JSON, to be read before it is sent.
 */
text: string, };

export type QrCode = { 
/**
 * From top to bottom; each row as many characters as there are rows, `1` for a dark module and `0` for a light one.
 */
rows: Array<string>, };

export type QrText = { text: string, };

export type ReportKind = "playing" | "paused" | "seeked" | "ended" | "closed";

export type Revision = number;

export type Search = { query: string, 
/**
 * Number of one search service in the settings, from 0; all of them without it.
 */
indexer?: number, };

export type SearchAnswer = { 
/**
 * Each torrent once, those with most seeders first.
 */
results: Array<SearchResult>, 
/**
 * The services that gave nothing.
 */
failures: Array<SearchFailure>, };

export type SearchFailure = { indexer: number, name: string, error: WireError, };

export type SearchPatch = { torznab_enabled?: boolean, indexers?: Array<Indexer>, };

export type SearchResult = { title: string, 
/**
 * What the title tells.
 */
about: TorrentAbout, 
/**
 * 0 if it was not told.
 */
size_bytes: number, seeders: number, 
/**
 * Seeders and leechers together.
 */
peers: number, published_at_secs: number | null, tracker: string, 
/**
 * A word, or nothing.
 */
category: string, info_hash: InfoHash | null, 
/**
 * What to add; where there is none, it is `link`.
 */
magnet: string | null, 
/**
 * Leads to a `.torrent` file. It may carry the person's key of the service.
 */
link: string | null, 
/**
 * A page about it.
 */
details: string | null, 
/**
 * `tt1254207`, or nothing.
 */
imdb_id: string, year: number | null, 
/**
 * Number of the search service in the settings, from 0.
 */
indexer: number, };

export type SearchSettings = { torznab_enabled: boolean, indexers: Array<Indexer>, };

export type Settings = { language: Language, theme: Theme, 
/**
 * How large everything outside the player is drawn; 100 is as designed.
 */
ui_scale_percent: number, 
/**
 * Whether the person has left the first screen, with its questions, or watched something from it.
 */
is_welcomed: boolean, 
/**
 * 0: no limit.
 */
download_limit_bytes_per_sec: number, 
/**
 * 0: no limit.
 */
upload_limit_bytes_per_sec: number, slow: SlowSettings, volume: number, is_muted: boolean, player_engine: PlayerEngine, 
/**
 * Whether positions that TorrServer's clients report are kept (TorrServer's `TrackTimecode`).
 */
track_client_positions: boolean, 
/**
 * A torrent that nobody reads is closed after so long.
 */
idle_timeout_secs: number, 
/**
 * How much of a film is fetched before it is shown, at most; 0: nothing.
 */
preload_bytes: number, 
/**
 * What the pieces of all torrents may take of the disk, but for those of pinned torrents; 0: a quarter of what is free, 20 GB
 * at most.
 */
disk_budget_bytes: number, 
/**
 * A folder whose `.torrent` files are taken into the library; empty: none.
 */
watch_dir: string, playback: PlaybackSettings, desktop: DesktopSettings, transfers: TransferSettings, network: NetworkSettings, search: SearchSettings, 
/**
 * Settings of TorrServer's clients that mean nothing here: kept and given back as they came.
 */
torrserver: Record<string, unknown>, };

export type SettingsPatch = { language?: Language, theme?: Theme, ui_scale_percent?: number, is_welcomed?: boolean, download_limit_bytes_per_sec?: number, upload_limit_bytes_per_sec?: number, slow?: SlowPatch, volume?: number, is_muted?: boolean, player_engine?: PlayerEngine, track_client_positions?: boolean, idle_timeout_secs?: number, preload_bytes?: number, disk_budget_bytes?: number, watch_dir?: string, playback?: PlaybackPatch, desktop?: DesktopPatch, transfers?: TransferPatch, network?: NetworkPatch, search?: SearchPatch, 
/**
 * Fields to set; fields that are not named stay.
 */
torrserver?: Record<string, unknown>, };

export type Shell = { 
/**
 * Whether it shows tray icons.
 */
has_tray: boolean, 
/**
 * Whether it may be told to start the program when the person logs in.
 */
can_start_at_login: boolean, 
/**
 * Whether it may be told to give links and files to the program; where an installer does that, it need not be asked.
 */
can_open_links: boolean, };

export type SkipMode = "button" | "automatic" | "never";

export type SlowPatch = { is_on?: boolean, download_limit_bytes_per_sec?: number, upload_limit_bytes_per_sec?: number, };

export type SlowSettings = { is_on: boolean, 
/**
 * 0: no limit.
 */
download_limit_bytes_per_sec: number, 
/**
 * 0: no limit.
 */
upload_limit_bytes_per_sec: number, };

export type Snapshot = { 
/**
 * Changes up to this one are in the snapshot.
 */
revision: Revision, torrents: Array<TorrentSummary>, 
/**
 * Only torrents that have marks.
 */
marks: Array<TorrentMarks>, settings: Settings, access: AccessSummary, network: NetworkStatus, 
/**
 * Who of the local network is here; told to the person at the computer alone.
 */
viewers: Array<Viewer>, stats: Array<TransferStats>, notices: Array<Notice>, 
/**
 * Links that wait for a word of the person at the computer; told to nobody else.
 */
link_offers: Array<LinkOffer>, player_target: PlayerTarget | null, transfers_paused: boolean, };

export type SpareLine = "when_metered" | "always" | "never";

export type StorageInfo = { 
/**
 * Where the pieces are.
 */
folder: string, 
/**
 * What pieces take that may be given up again.
 */
used_bytes: number, 
/**
 * What they may take, as the settings say or as was found right for the disk; `None` until everything is counted.
 */
budget_bytes: number | null, 
/**
 * `None` where the system does not tell.
 */
free_bytes: number | null, };

export type SubtitleCue = { start_secs: number, end_secs: number, runs: Array<TextRun>, height: CueHeight, side: CueSide, };

export type SubtitleFont = { number: number, name: string, length_bytes: number, };

export type SubtitleForm = "text" | "ass" | "pgs";

export type SubtitleOpen = { playback_id: PlaybackId, source: SubtitleSource, 
/**
 * How a file of text is read, by the name of an encoding (WHATWG); else it is found out.
 */
charset?: string, };

export type SubtitleRead = { playback_id: PlaybackId, name: string, 
/**
 * Base64 (RFC 4648 section 4, padded) of 10 MiB at most.
 */
base64: string, charset?: string, };

export type SubtitleSource = { "kind": "embedded", stream_index: number, } | { "kind": "file", file_index: FileIndex, };

export type SubtitleTrack = { source: SubtitleSource, form: SubtitleForm, 
/**
 * The short name of the format, such as `srt`.
 */
format: string, 
/**
 * BCP 47 or ISO 639, as it was told.
 */
language: string | null, title: string | null, is_default: boolean, 
/**
 * Only what a person who knows the language of the film does not understand, such as signs.
 */
is_forced: boolean, is_for_hearing_impaired: boolean, };

export type SubtitleWindow = { cues: Array<SubtitleCue>, 
/**
 * The events of an ASS script, each a line of its own.
 */
events: Array<string>, };

export type SubtitleWindowAsk = { playback_id: PlaybackId, source: SubtitleSource, from_secs: number, to_secs: number, };

export type TextRun = { text: string, is_italic: boolean, is_bold: boolean, is_underlined: boolean, };

export type Theme = "system" | "light" | "dark";

export type TorrentAbout = { 
/**
 * Without year, quality and the rest.
 */
title: string, 
/**
 * The other title, of a name that has two.
 */
original_title: string | null, year: number | null, kind: ContentKind, 
/**
 * Of a series, where the names tell.
 */
first_season: number | null, last_season: number | null, 
/**
 * Lines of the picture, such as 1080.
 */
resolution_lines: number | null, is_hdr: boolean, 
/**
 * What the picture was taken from, as people write it in all languages: "BluRay", "WEB", "HDTV", "DVD", "VHS", "Screener", "CAM".
 */
source: string | null, };

export type TorrentAdd = { source: string, };

export type TorrentAddFile = { 
/**
 * Base64 (RFC 4648 section 4, padded).
 */
base64: string, };

export type TorrentAdded = { torrent: TorrentSummary, 
/**
 * `false`: it was in the library already.
 */
is_new: boolean, };

export type TorrentDetail = { summary: TorrentSummary, name: string, is_private: boolean, files: Array<FileEntry>, 
/**
 * The link that gives this torrent to somebody else.
 */
magnet: string, };

export type TorrentEdit = { info_hash: InfoHash, 
/**
 * Shown as it stands; empty for the name that the torrent came with.
 */
title?: string, 
/**
 * One of TorrServer's (`movie`, `tv`, `music`, `other`), one of the person's own, or empty.
 */
category?: string, 
/**
 * Keep what is here of it, whatever room others need.
 */
is_kept?: boolean, };

export type TorrentMarks = { info_hash: InfoHash, marks: Array<FileMark>, };

export type TorrentRef = { info_hash: InfoHash, };

export type TorrentRemove = { info_hash: InfoHash, 
/**
 * Also forget the pieces that are on the disk. Marks and positions are kept either way.
 */
delete_pieces: boolean, };

export type TorrentState = "resolving" | "ready" | "failed";

export type TorrentSummary = { info_hash: InfoHash, 
/**
 * As it was given.
 */
title: string, about: TorrentAbout, category: string, 
/**
 * Path of the poster on our own server; empty if there is none. What a client calls the poster is an address of strangers.
 */
poster: string, state: TorrentState, error: WireError | null, total_bytes: number, added_at_secs: number, last_opened_at_secs: number | null, 
/**
 * It is kept: its pieces do not go for others.
 */
is_kept: boolean, file_count: number, 
/**
 * Files that can be played (video, else audio).
 */
playable_count: number, 
/**
 * How many of those are viewed.
 */
viewed_count: number, 
/**
 * The file that "play" means now.
 */
play_target: FileIndex | null, };

export type TrackInfo = { 
/**
 * Number of the stream inside the file.
 */
stream_index: number, kind: TrackKind, codec: string, 
/**
 * The MSE name of the codec (RFC 6381) where it is known, such as `avc1.64001f`.
 */
mime_codec: string | null, language: string | null, title: string | null, 
/**
 * Where it is on our server, if it is a file of its own beside the film.
 */
file_path?: string, };

export type TrackKind = "video" | "audio" | "subtitle";

export type TransferCounters = { 
/**
 * Late blocks that a second peer was asked for.
 */
hedges: number, 
/**
 * The second one was first.
 */
hedges_won: number, duplicate_bytes: number, 
/**
 * Came for a place that nobody reads any more.
 */
unwanted_bytes: number, 
/**
 * Of pieces with a wrong hash.
 */
corrupt_bytes: number, 
/**
 * Peers that were banned for them.
 */
banned_peers: number, };

export type TransferDetail = { peers: Array<PeerView>, piece_bytes: number, 
/**
 * From the first piece to the last.
 */
runs: Array<PieceRun>, 
/**
 * In the order of the pieces.
 */
partial: Array<PartialPiece>, 
/**
 * In all its life here.
 */
uploaded_bytes: number, downloaded_bytes: number, 
/**
 * How long it was offered since it was complete.
 */
seeded_secs: number, 
/**
 * It is kept, and has left the swarm because it gave enough.
 */
is_retired: boolean, 
/**
 * What the pieces of all torrents that are not kept take of the disk.
 */
budget_used_bytes: number, 
/**
 * What they may take; `None` until what lies there since earlier runs is counted.
 */
budget_bytes: number | null, };

export type TransferPatch = { encryption_required?: boolean, tcp_enabled?: boolean, utp_enabled?: boolean, dht_enabled?: boolean, pex_enabled?: boolean, lsd_enabled?: boolean, port_mapping_enabled?: boolean, uploads_enabled?: boolean, spare_line?: SpareLine, max_connections?: number, seed_ratio_limit?: number, seed_time_limit_secs?: number, blocklist_path?: string, proxy_url?: string, network_interface?: string, peer_port?: number, };

export type TransferSettings = { 
/**
 * Whether peers without encryption are left alone; otherwise it is only preferred.
 */
encryption_required: boolean, tcp_enabled: boolean, utp_enabled: boolean, dht_enabled: boolean, 
/**
 * Whether peers tell each other, and us, of more peers.
 */
pex_enabled: boolean, 
/**
 * Whether peers in the local network are looked for.
 */
lsd_enabled: boolean, 
/**
 * Whether the router is asked to let peers through to us.
 */
port_mapping_enabled: boolean, 
/**
 * Whether anything is given to others. Who gives nothing gets less.
 */
uploads_enabled: boolean, 
/**
 * When to fetch only what is watched, and to give nothing.
 */
spare_line: SpareLine, 
/**
 * Peers that are spoken to at the same time.
 */
max_connections: number, 
/**
 * A torrent that is kept and complete is offered until so many bytes were sent for each of its own; 0: no limit.
 */
seed_ratio_limit: number, 
/**
 * And for so long at most, counted while it is offered; 0: no limit.
 */
seed_time_limit_secs: number, 
/**
 * A file of addresses that nobody speaks to: PeerGuardian's way of writing, eMule's, or a network in each line. It is read
 * again when it changes; empty: none.
 */
blocklist_path: string, 
/**
 * Through whom everything goes that leaves this computer for the internet, as of [`crate::Proxy`]; empty: nobody. What can't
 * go through it does not go: there is no DHT, no uTP, no tracker over UDP then, and nobody can call us.
 */
proxy_url: string, 
/**
 * The network interface (`tun0`, `wg0` ...) through which alone everything goes that leaves this computer for the internet;
 * empty: any. While it is not there, nothing goes.
 */
network_interface: string, 
/**
 * Where peers reach us; 0: any free port.
 */
peer_port: number, };

export type TransferStats = { info_hash: InfoHash, down_bytes_per_sec: number, up_bytes_per_sec: number, downloaded_bytes: number, uploaded_bytes: number, 
/**
 * Checked bytes that are here, of the whole torrent.
 */
have_bytes: number, connected_peers: number, 
/**
 * Connected, being connected, or known and waiting.
 */
known_peers: number, connected_seeders: number, 
/**
 * Peers to which a connection is being opened.
 */
connecting_peers: number, 
/**
 * The connected ones, by what comes from them.
 */
peers: PeerCounts, counters: TransferCounters, 
/**
 * Why the reader that is needed most waits, if one does.
 */
waiting: WaitReason | null, 
/**
 * Why no tracker names anybody, in a tracker's words; a stranger's text of one line.
 */
tracker_refusal: string | null, };

export type TransfersPause = { paused: boolean, };

export type ViewedFile = { info_hash: InfoHash, file_index: FileIndex, };

export type ViewedSet = { info_hash: InfoHash, file_index: FileIndex, viewed: boolean, };

export type ViewedSetAll = { info_hash: InfoHash, viewed: boolean, };

export type Viewer = { id: ViewerId, address: string, pass: ViewerPass, 
/**
 * What its program calls itself: a stranger's words, cut short.
 */
client: string, since_secs: number, 
/**
 * The files that are being sent to it, each once.
 */
watching: Array<ViewedFile>, };

export type ViewerId = number;

export type ViewerPass = { "kind": "password" } | { "kind": "device", id: DeviceId, } | { "kind": "dlna" } | { "kind": "nothing" };

export type ViewerRef = { id: ViewerId, };

export type VolumeSet = { 
/**
 * 0 to 1.
 */
volume: number, is_muted: boolean, };

export type WaitReason = "no_peers" | "bad_data" | "no_details" | "nobody_has_it" | "all_choke" | "disk_full" | "rate_limit" | "budget" | "slow";

export type WireError = { code: ErrorCode, 
/**
 * English, lower case, for "Details" and logs; the UI's own sentence comes from `code`.
 */
message: string, };

/** Every command with its arguments and its result. */
export interface Commands {
  /** What this program is, and which media types the page should probe. */
  app_info: { args: Nothing; result: AppInfo };
  /** What becomes of a link that another program handed over. Gives the torrent, unless there is none now. */
  link_offer_answer: { args: LinkOfferAnswer; result: InfoHash | null };
  /** Adds what a person pasted; answers as soon as the row is stored, details follow as events. */
  torrent_add: { args: TorrentAdd; result: TorrentAdded };
  /** Adds the content of a `.torrent` file. */
  torrent_add_file: { args: TorrentAddFile; result: TorrentAdded };
  /** A torrent with its files. */
  torrent_detail: { args: TorrentRef; result: TorrentDetail };
  /** Looks for the details once more. */
  torrent_retry: { args: TorrentRef; result: TorrentSummary };
  /** Takes a torrent out of the library. Its marks and positions are kept, and for some seconds it can come back as it was. */
  torrent_remove: { args: TorrentRemove; result: void };
  /** Brings back what was taken out a moment ago. */
  torrent_restore: { args: TorrentRef; result: TorrentSummary };
  /** Gives a torrent another title or category, or keeps what is here of it. */
  torrent_edit: { args: TorrentEdit; result: TorrentSummary };
  /** The torrents whose titles and files have all these words, best first. */
  library_find: { args: LibraryFind; result: LibraryFound };
  /** What comes next in the series that somebody watches. */
  library_next_up: { args: Nothing; result: NextUpList };
  /** How the peers and pieces of a torrent stand; nothing while it is not in use. */
  torrent_transfer: { args: TorrentRef; result: TransferDetail | null };
  /** A problem report on a torrent that is in use. */
  torrent_report: { args: TorrentRef; result: ProblemReport };
  /** Stops all transfers, or lets them go on. */
  transfers_pause: { args: TransfersPause; result: void };
  /** Sets or takes away the viewed mark of a file. */
  viewed_set: { args: ViewedSet; result: void };
  /** The same for all that can be played of a torrent. */
  viewed_set_all: { args: ViewedSetAll; result: void };
  /** Shows a file in the player window. */
  player_show: { args: PlayerTarget; result: void };
  /** Opens a file for the player page: probes it and chooses how the page will get it. Waits for the first bytes. */
  playback_open: { args: PlaybackOpen; result: PlaybackTicket };
  /** Starts delivering from a position; an earlier run of the same playback ends. */
  playback_start: { args: PlaybackStart; result: MediaRun };
  /** Where the playback stands. */
  playback_report: { args: PlaybackReport; result: void };
  /** Goes on with another file of the torrent that a playback is of, or with what follows on it in the library. */
  playback_go_on: { args: PlaybackGoOn; result: void };
  /** How the pieces of the film stand on its axis of time; nothing while its length or its pieces are not known. */
  playback_map: { args: PlaybackRef; result: PlaybackMap | null };
  /** Whether the film will play through at this speed; nothing while too little is known for that. */
  playback_outlook: { args: PlaybackAtSpeed; result: Outlook | null };
  /** Other players of this computer. */
  players_list: { args: Nothing; result: ExternalPlayers };
  /** Goes on in one of them; where it stands then is followed. */
  player_open: { args: PlayerOpen; result: void };
  /** Opens a subtitle track of a playback. Waits for a file of text, or for the head of the film. */
  subtitle_open: { args: SubtitleOpen; result: OpenedSubtitles };
  /** What is said in a window of time. Waits for its bytes; a newer call for the same track ends it. */
  subtitle_window: { args: SubtitleWindowAsk; result: SubtitleWindow };
  /** Reads a subtitle file of the person's own. */
  subtitle_read: { args: SubtitleRead; result: OpenedSubtitles };
  /** Remembers the volume. */
  volume_set: { args: VolumeSet; result: void };
  /** Asks the search services of the settings, or one of them. */
  search: { args: Search; result: SearchAnswer };
  /** Finds out whether a search service works as it is written down. */
  indexer_test: { args: IndexerTest; result: void };
  /** What would come over from a TorrServer (or another Freshet) that runs. */
  import_preview: { args: ImportUrl; result: ImportPreview };
  /** Takes it over. A second run changes nothing. */
  import_run: { args: ImportRun; result: ImportReport };
  /** Changes settings; answers with all of them. */
  settings_update: { args: SettingsPatch; result: Settings };
  /** Sets everything back to how it was at first, but for what clients keep here, the password and the devices. */
  settings_reset: { args: Nothing; result: Settings };
  /** What lies on the disk, and what more may. */
  storage_info: { args: Nothing; result: StorageInfo };
  /** The network interfaces of this computer, without loopback: what `transfers.network_interface` can name. */
  network_interfaces: { args: Nothing; result: Array<NetworkInterface> };
  /** Sets the password of the local network, or takes it away, which shuts the door. */
  password_set: { args: PasswordSet; result: void };
  /** Lets a device play by an address with a token in it. The token is told this once. */
  device_add: { args: DeviceAdd; result: DeviceAdded };
  /** Takes a device's token away. What it plays at this moment ends. */
  device_remove: { args: DeviceRef; result: void };
  /** Ends what a device of the local network is doing here, and keeps it out for ten minutes. */
  viewer_kick: { args: ViewerRef; result: void };
  /** A text as a QR code. */
  qr_code: { args: QrText; result: QrCode };
}
