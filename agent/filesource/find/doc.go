// Package find finds the files that globs match, and opens them as what they were
// found to be.
//
// The agent reads as a user who may read more than those who write the files, so
// whoever can put a name into a folder must not choose what is read by it:
//
//   - Only regular files are opened: no pipe, which would block, no device, and
//     nothing of /proc or /sys, whose files are of no size.
//   - The folder before a glob's first wildcard is the configuration's, and may be
//     reached by links. Below it no link is followed, unless Config.FollowSymlinks
//     says so, and then only to what lies within Config.Roots. Each folder on the
//     way is opened from the one above it (os.Root) and compared with what was
//     looked at, so that nothing put there in between is followed either.
//   - A path from elsewhere, such as a saved position or a dead letter, is opened
//     only if the globs match it.
//   - Depth and number of what is looked at are bounded.
//
// It is no watcher and keeps nothing open. It starts no goroutine. Errors wrap
// fs.ErrNotExist where a file is gone, else they are a *Refused or what the system
// says; they name paths, never content.
package find
