// Mounts a directory a second time, as a file system of its own: flock does not reach from one mount to another, as on a
// volume that two nodes have mounted without locks.
package main

import (
	"log"
	"os"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func main() {
	root, err := fs.NewLoopbackRoot(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	options := fuse.MountOptions{AllowOther: true, DirectMountStrict: true, FsName: "loopback", Options: []string{"default_permissions"}}
	server, err := fs.Mount(os.Args[2], root, &fs.Options{MountOptions: options})
	if err != nil {
		log.Fatal(err)
	}
	server.Wait()
}
