/* One line at the bottom that says what just happened and offers one thing to do about it. */
export interface ToastAction {
  label: string;
  run: () => void;
}

export interface Toast {
  id: number;
  text: string;
  isProblem: boolean;
  actions: ToastAction[];
}

export const TOAST_SHOWN_MS = 8_000;

export class Toasts {
  current = $state.raw<Toast | null>(null);
  #nextId = 1;
  #timer: ReturnType<typeof setTimeout> | undefined;

  show(text: string, options: { actions?: ToastAction[]; isProblem?: boolean } = {}): void {
    this.current = {
      id: this.#nextId++,
      text,
      isProblem: options.isProblem ?? false,
      actions: options.actions ?? [],
    };
    this.resume();
  }

  dismiss(): void {
    clearTimeout(this.#timer);
    this.current = null;
  }

  /** The line stays while somebody points at it. */
  hold(): void {
    clearTimeout(this.#timer);
  }

  resume(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.dismiss(), TOAST_SHOWN_MS);
  }
}
