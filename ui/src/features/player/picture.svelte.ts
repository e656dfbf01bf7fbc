/** How the picture fills the window. It stays as it is from one film to the next. */
export type Fit = "contain" | "cover" | "fill";
export const FITS = ["contain", "cover", "fill"] as const;

export class PictureControl {
  fit = $state<Fit>("contain");

  /** Whole, or stretched to the edges. */
  cycleAspect(): void {
    this.fit = this.fit === "fill" ? "contain" : "fill";
  }

  toggleCrop(): void {
    this.fit = this.fit === "cover" ? "contain" : "cover";
  }
}
