/* A host in memory, for tests: answers are set by the test, events are sent by the test. */
import type { AppEvent, PlaybackId, PlayerTarget } from "./bindings";
import type { CallOptions, CommandArgs, CommandName, CommandResult, EventListeners, Host } from "./host";
import { CallError, toCallError } from "./host";

type Answers = {
  [K in CommandName]?: (args: CommandArgs<K>) => CommandResult<K> | Promise<CommandResult<K>>;
};

export interface RecordedCall {
  name: CommandName;
  args: unknown;
  isLastWord: boolean;
}

export class FakeHost implements Host {
  readonly calls: RecordedCall[] = [];
  readonly openedTargets: PlayerTarget[] = [];
  readonly copiedTexts: string[] = [];
  target: PlayerTarget | null = null;
  fullscreen = false;
  hasOwnWindow = true;
  alwaysOnTop = false;
  mini = false;
  title = "";
  closedCount = 0;

  #answers: Answers;
  #listeners = new Set<EventListeners>();
  #fullscreenListeners = new Set<(isFullscreen: boolean) => void>();
  #targetListeners = new Set<() => void>();

  constructor(answers: Answers = {}) {
    this.#answers = answers;
  }

  answer(answers: Answers): void {
    this.#answers = { ...this.#answers, ...answers };
  }

  send(event: AppEvent): void {
    for (const listener of this.#listeners) listener.onEvent(event);
  }

  sendConnection(isConnected: boolean): void {
    for (const listener of this.#listeners) listener.onConnection?.(isConnected);
  }

  argsOf<K extends CommandName>(name: K): CommandArgs<K>[] {
    return this.calls.filter((call) => call.name === name).map((call) => call.args as CommandArgs<K>);
  }

  retarget(target: PlayerTarget): void {
    this.target = target;
    for (const listener of this.#targetListeners) listener();
  }

  async call<K extends CommandName>(
    name: K,
    args: CommandArgs<K>,
    options?: CallOptions,
  ): Promise<CommandResult<K>> {
    this.calls.push({ name, args, isLastWord: options?.isLastWord ?? false });
    const answer = this.#answers[name];
    if (!answer) throw new CallError({ code: "bad_request", message: `the test has no answer for ${name}` });
    try {
      return await answer(args);
    } catch (error) {
      throw toCallError(error);
    }
  }

  subscribe(listeners: EventListeners): () => void {
    this.#listeners.add(listeners);
    return () => this.#listeners.delete(listeners);
  }

  serverUrl(path: string): Promise<string> {
    return Promise.resolve(`http://media.test${path}`);
  }

  openPlayer(target: PlayerTarget): Promise<void> {
    this.openedTargets.push(target);
    return Promise.resolve();
  }

  goOn(_playbackId: PlaybackId, target: Required<PlayerTarget>): Promise<void> {
    this.retarget(target);
    return Promise.resolve();
  }

  setAlwaysOnTop(isOnTop: boolean): Promise<void> {
    this.alwaysOnTop = isOnTop;
    return Promise.resolve();
  }

  setMini(isMini: boolean): Promise<void> {
    this.mini = isMini;
    return Promise.resolve();
  }

  addressTarget(): PlayerTarget | null {
    return this.target;
  }

  onAddressTargetChanged(listener: () => void): () => void {
    this.#targetListeners.add(listener);
    return () => this.#targetListeners.delete(listener);
  }

  isFullscreen(): Promise<boolean> {
    return Promise.resolve(this.fullscreen);
  }

  setFullscreen(isFullscreen: boolean): Promise<void> {
    this.fullscreen = isFullscreen;
    for (const listener of this.#fullscreenListeners) listener(isFullscreen);
    return Promise.resolve();
  }

  onFullscreenChanged(listener: (isFullscreen: boolean) => void): () => void {
    this.#fullscreenListeners.add(listener);
    return () => this.#fullscreenListeners.delete(listener);
  }

  setTitle(title: string): Promise<void> {
    this.title = title;
    return Promise.resolve();
  }

  closePlayer(): Promise<void> {
    this.closedCount += 1;
    return Promise.resolve();
  }

  copyText(text: string): Promise<void> {
    this.copiedTexts.push(text);
    return Promise.resolve();
  }
}
