/** For so many days a run that was broken off can go on where it was. */
export const runPartDays = 7;
