import { mount } from "svelte";

import PlayerPage from "./features/player/PlayerPage.svelte";
import { connectHost } from "./lib/host/connect";
import { I18n } from "./lib/i18n/i18n.svelte";
import { AppState } from "./lib/stores/app-state.svelte";
import { Toasts } from "./lib/stores/toasts.svelte";
import "./styles/tokens.css";
import "./styles/base.css";

const target = document.getElementById("app");
if (!target) throw new Error("player.html has no place for the page");
const host = await connectHost();
mount(PlayerPage, {
  target,
  props: { page: { host, app: new AppState(), i18n: new I18n(), toasts: new Toasts() } },
});
