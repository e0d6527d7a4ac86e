import Foundation

/// Files as NumPy 2 writes them.
enum NumPyFiles {
    /// np.arange(6, dtype="<f4").reshape(2, 3) / 2
    static let `float32` = file(
        """
        k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAPwAAgD8AAMA/AAAAQAAA
        IEA=
        """)

    /// np.asfortranarray(np.arange(24, dtype="<f8").reshape(2, 3, 4))
    static let `fortran` = file(
        """
        k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0gICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAChAAAAAAAAA
        EEAAAAAAAAAwQAAAAAAAACBAAAAAAAAANEAAAAAAAADwPwAAAAAAACpAAAAAAAAAFEAAAAAAAAAxQAAAAAAAACJAAAAAAAAANUAA
        AAAAAAAAQAAAAAAAACxAAAAAAAAAGEAAAAAAAAAyQAAAAAAAACRAAAAAAAAANkAAAAAAAAAIQAAAAAAAAC5AAAAAAAAAHEAAAAAA
        AAAzQAAAAAAAACZAAAAAAAAAN0A=
        """)

    /// np.array([[1, -2], [300, -400]], dtype=">i2")
    static let `bigEndian` = file(
        """
        k05VTVBZAQB2AHsnZGVzY3InOiAnPmkyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAf/+ASz+cA==
        """)

    /// np.array([[True, False], [False, True]])
    static let `bool` = file(
        """
        k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAAB
        """)

    /// np.array([[0.5, -1.25]], dtype="<f2")
    static let `half` = file(
        """
        k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDIpLCB9ICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAOAC9
        """)

    /// np.array([[1, 2**40]], dtype="<u8")
    static let `uint64` = file(
        """
        k05VTVBZAQB2AHsnZGVzY3InOiAnPHU4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDIpLCB9ICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAAAAAAAAAAAAAAAAQAA
        """)

    /// np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")])
    static let `records` = file(
        """
        k05VTVBZAQB2AHsnZGVzY3InOiBbKCdhJywgJzxpNCcpLCAoJ2InLCAnPGY0JyldLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAn
        c2hhcGUnOiAoMSwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAAAAAAAQA==
        """)

    /// np.array(["ab", "c"])
    static let `strings` = file(
        """
        k05VTVBZAQB2AHsnZGVzY3InOiAnPFUyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAphAAAAYgAAAGMAAAAAAAAA
        """)

    /// np.savez of x_train = x, x_test = x[:1] + 1, y_train = np.array([3, 5]),
    /// where x = (np.arange(32) % 7).astype("u1").reshape(2, 4, 4)
    static let `stored` = file(
        """
        UEsDBC0AAAAAAAAAIQC0/FhT//////////8LABQAeF90cmFpbi5ucHkBABAAoAAAAAAAAACgAAAAAAAAAJNOVU1QWQEAdgB7J2Rl
        c2NyJzogJ3x1MScsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCA0LCA0KSwgfSAgICAgICAgICAgICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAECAwQFBgABAgMEBQYAAQIDBAUGAAECAwQFBgABAgNQSwME
        LQAAAAAAAAAhAEe2JB7//////////woAFAB4X3Rlc3QubnB5AQAQAJAAAAAAAAAAkAAAAAAAAACTTlVNUFkBAHYAeydkZXNjcic6
        ICd8dTEnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMSwgNCwgNCksIH0gICAgICAgICAgICAgICAgICAgICAg
        ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgECAwQFBgcBAgMEBQYHAQJQSwMELQAAAAAAAAAhAHbQeWT/////////
        /wsAFAB5X3RyYWluLm5weQEAEACQAAAAAAAAAJAAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3Jk
        ZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg
        ICAgICAgICAgICAgIAoDAAAAAAAAAAUAAAAAAAAAUEsBAi0DLQAAAAAAAAAhALT8WFOgAAAAoAAAAAsAAAAAAAAAAAAAAIABAAAA
        AHhfdHJhaW4ubnB5UEsBAi0DLQAAAAAAAAAhAEe2JB6QAAAAkAAAAAoAAAAAAAAAAAAAAIAB3QAAAHhfdGVzdC5ucHlQSwECLQMt
        AAAAAAAAACEAdtB5ZJAAAACQAAAACwAAAAAAAAAAAAAAgAGpAQAAeV90cmFpbi5ucHlQSwUGAAAAAAMAAwCqAAAAdgIAAAAA
        """)

    /// np.savez_compressed of x_train = x, x_test = x[:1] + 1, y_train = np.array([3, 5]),
    /// where x = (np.arange(32) % 7).astype("u1").reshape(2, 4, 4)
    static let `compressed` = file(
        """
        UEsDBC0AAAAIAAAAIQC0/FhT//////////8LABQAeF90cmFpbi5ucHkBABAAoAAAAAAAAABRAAAAAAAAAJvsF+obEMnIUMZQrZ6S
        WpxcpG6loF5Taqiuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CiZApKmjUKtAHuBiYGRiZmFlw0kBAFBLAwQtAAAA
        CAAAACEAR7YkHv//////////CgAUAHhfdGVzdC5ucHkBABAAkAAAAAAAAABQAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loF5T
        aqiuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GoY6CiZApKmjUKtAHuBiZGJmYWVjh1MAUEsDBC0AAAAIAAAAIQB20Hlk
        //////////8LABQAeV90cmFpbi5ucHkBABAAkAAAAAAAAABKAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaGuo6Cell9U
        UpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAC5mBghghdIAUEsBAi0DLQAAAAgAAAAhALT8WFNRAAAAoAAAAAsAAAAA
        AAAAAAAAAIABAAAAAHhfdHJhaW4ubnB5UEsBAi0DLQAAAAgAAAAhAEe2JB5QAAAAkAAAAAoAAAAAAAAAAAAAAIABjgAAAHhfdGVz
        dC5ucHlQSwECLQMtAAAACAAAACEAdtB5ZEoAAACQAAAACwAAAAAAAAAAAAAAgAEaAQAAeV90cmFpbi5ucHlQSwUGAAAAAAMAAwCq
        AAAAoQEAAAAA
        """)

    private static func file(_ base64: String) -> [UInt8] {
        Data(base64Encoded: base64, options: .ignoreUnknownCharacters).map { Array($0) } ?? []
    }
}
